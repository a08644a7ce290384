"""What to train next: an assignment that may be the best, by the step that tells most of it per cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autoact.search.policy.knowledge import Knowledge, affordable, named
from autoact.search.policy.problem import Names, Outcome, Problem, Step, spent
from autoact.search.sampler.proposal import duels, pool, shortlist, told
from autoact.search.sampler.surrogate import Surrogate

_OPENING = 0.25  # part of the budget that may go into short trainings of what is to be tried first
_TO_THE_END = 0.2  # full trainings of these, per full training of the budget


def next_steps(
    problem: Problem, history: Sequence[Outcome], running: Sequence[Step] = (), count: int = 1
) -> list[Step]:
    """Return the next trainings to start; the same history gives the same steps, in whatever order it came.

    Args:
        problem: What is searched, with what budget.
        history: What has been done.
        running: Steps that have been started and have not ended.
        count: How many more to start at most.

    Returns:
        At most `count` different steps; none when the budget is spent.

    Example:
        >>> problem = Problem(candidates=[("relu", "tanh")] * 2, budget=2, first=[("relu", "relu")])
        >>> next_steps(problem, [])
        [Step(assignment=('relu', 'relu'), run=0, start=0.0, stop=1.0)]
    """
    knowledge = Knowledge.of(problem, history)
    steps = [*(outcome.step for outcome in knowledge.outcomes), *running]
    left = problem.budget - spent(problem, steps)
    rng = np.random.default_rng([problem.seed, len(steps)])
    chosen = _openings(problem, steps, left)[:count]
    if len(chosen) == count:
        return chosen
    chosen += _informed(
        problem, knowledge, [*running, *chosen], left - spent(problem, chosen), count - len(chosen), rng
    )
    return chosen


def _openings(problem: Problem, steps: Sequence[Step], left: float) -> list[Step]:
    """Return what is trained whatever came out so far: what is to be tried first, some of it to the end.

    Trainings that were chosen for how they began cannot tell how well beginnings foretell the ends.
    """
    shortest = problem.fractions[0]
    begun = {step.assignment for step in steps}
    room = max(1, int(problem.budget * _OPENING / shortest)) - len(begun)
    waiting = [names for names in problem.first if names not in begun]
    chosen = [Step(names, 0, 0.0, shortest) for names in waiting[: max(0, room)]]
    stands = {step.assignment: step.stop for step in steps if step.run == 0}
    rng = np.random.default_rng(problem.seed)
    order = [problem.first[i] for i in rng.permutation(len(problem.first))]
    for names in order[: int(problem.budget * _TO_THE_END)]:
        if shortest < 1.0 and stands.get(names) == shortest:
            chosen.append(Step(names, 0, shortest, 1.0))
    return [step for step in chosen if step.cost(problem.carry) <= left + 1e-9]


def _informed(
    problem: Problem,
    knowledge: Knowledge,
    running: list[Step],
    left: float,
    count: int,
    rng: np.random.Generator,
) -> list[Step]:
    options = pool([len(names) for names in problem.candidates], knowledge.tried(), rng)
    if knowledge.surrogate is None:
        drawn = [named(problem, options[rng.integers(len(options))]) for _ in range(count)]
        steps = [Step(names, 0, 0.0, problem.fractions[0]) for names in dict.fromkeys(drawn)]
        return steps[: max(0, int((left + 1e-9) / problem.fractions[0]))]
    surrogate = knowledge.surrogate
    if running:
        surrogate = surrogate.imagine(knowledge.points(running))
    options = shortlist(surrogate, options, knowledge.ends)
    chosen: list[Step] = []
    for pair in duels(surrogate, knowledge.ends(options), count, rng):
        names = [named(problem, options[row]) for row in pair]
        step = _best_step(problem, knowledge, surrogate, names, [*running, *chosen], left)
        if step is None:
            continue
        chosen.append(step)
        left -= step.cost(problem.carry)
        surrogate = surrogate.imagine(knowledge.points([step]))
    return chosen


def _best_step(
    problem: Problem,
    knowledge: Knowledge,
    surrogate: Surrogate,
    pair: Sequence[Names],
    running: Sequence[Step],
    left: float,
) -> Step | None:
    """Return the affordable training of one of two assignments that tells most of the difference per cost."""
    possible = [step for names in pair for step in _possible(problem, knowledge, names, running)]
    steps = [step for step in possible if affordable(problem, left, step)]
    if not steps:
        return None
    leader, challenger = (knowledge.ends(knowledge.rows([names])) for names in pair)
    worth = told(surrogate, knowledge.points(steps), leader, challenger)
    return steps[int(np.argmax(worth / [step.cost(problem.carry) for step in steps]))]


def _possible(problem: Problem, knowledge: Knowledge, names: Names, running: Sequence[Step]) -> list[Step]:
    """Return all trainings of an assignment that could be started or continued."""
    busy = {step.run for step in running if step.assignment == names}
    stands = {o.step.run: o for (own, _), o in knowledge.reached().items() if own == names}
    new = max([*busy, *stands], default=-1) + 1
    starts = [(new, 0.0)] + [
        (run, outcome.step.stop) for run, outcome in stands.items() if run not in busy and not outcome.failed
    ]
    return [
        Step(names, run, start, stop) for run, start in starts for stop in problem.fractions if stop > start
    ]
