"""What to train next: an assignment that may be the best, by the step that tells most of it per cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autoact.search.policy.knowledge import Knowledge, affordable, named
from autoact.search.policy.problem import Names, Outcome, Problem, Step, spent
from autoact.search.sampler.proposal import duels, pool, shortlist, told
from autoact.search.sampler.surrogate import Surrogate

_START = 0.5  # part of the budget for whole trainings, before short ones are trusted
_TRUSTED = 0.8  # correlation with the end from which on a fraction is used


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
    if knowledge.surrogate is None:
        return _unguided(problem, [step.assignment for step in running], left, count, rng)
    return _guided(problem, knowledge, list(running), left, count, rng)


def _unguided(
    problem: Problem, running: Sequence[Names], left: float, count: int, rng: np.random.Generator
) -> list[Step]:
    """Return trainings of what is to be tried first, and of random assignments: before there is any value."""
    sizes = [len(names) for names in problem.candidates]
    drawn = [named(problem, rng.integers(sizes).tolist()) for _ in range(count)]
    waiting = [names for names in dict.fromkeys([*problem.first[:1], *drawn]) if names not in running]
    steps = []
    for names in waiting[:count]:
        within = [fraction for fraction in problem.fractions if fraction <= left + 1e-9]
        if within:
            steps.append(Step(names, 0, 0.0, within[-1]))
            left -= within[-1]
    return steps


def _guided(
    problem: Problem,
    knowledge: Knowledge,
    running: list[Step],
    left: float,
    count: int,
    rng: np.random.Generator,
) -> list[Step]:
    """Return the steps that tell most of which of two assignments is better, for several pairs."""
    surrogate = knowledge.surrogate
    assert surrogate is not None
    if running:
        surrogate = surrogate.imagine(knowledge.points(running))
    options = pool([len(names) for names in problem.candidates], knowledge.tried(), rng)
    options = shortlist(surrogate, options, knowledge.ends)
    chosen: list[Step] = []
    for pair in duels(surrogate, knowledge.ends(options), count, rng):
        names = [named(problem, options[row]) for row in pair]
        step = _best_step(problem, knowledge, surrogate, names, [*running, *chosen], left)
        if step is not None:
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
    steps = [
        step for step in steps if step.stop == 1.0 or _telling(problem, knowledge, running, step)
    ] or steps
    leader, challenger = (knowledge.ends(knowledge.rows([names])) for names in pair)
    worth = told(surrogate, knowledge.points(steps), leader, challenger)
    return steps[int(np.argmax(worth / [step.cost(problem.carry) for step in steps]))]


def _telling(problem: Problem, knowledge: Knowledge, running: Sequence[Step], step: Step) -> bool:
    """Tell whether enough whole trainings have shown that a fraction foretells the end."""
    assert knowledge.surrogate is not None
    whole = [other for other in [*(o.step for o in knowledge.outcomes), *running] if other.stop == 1.0]
    if spent(problem, whole) < _START * problem.budget - 1.0:
        return False
    return knowledge.surrogate.covariance.foretells(step.stop) >= _TRUSTED


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
