"""What to train next: the step that betters the recommendation most per cost."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from autoact.search.optimizer._acquisition import pool, shortlist, worthiest
from autoact.search.policy.knowledge import Knowledge, affordable, named
from autoact.search.policy.problem import Names, Outcome, Problem, Step, spent

_START = 0.5  # part of the budget for whole trainings, before short ones are trusted
_TRUSTED = 0.95  # correlation with the end from which on a fraction is used


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
    for turn, names in enumerate(waiting[:count], len(running)):
        within = [fraction for fraction in problem.fractions if fraction <= left + 1e-9]
        if within:
            steps.append(Step(names, _seed(problem, (), turn), 0.0, within[-1]))
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
    """Return the steps that better the recommendation most per cost, each given those before."""
    surrogate = knowledge.surrogate
    assert surrogate is not None
    if running:
        surrogate = surrogate.imagine(knowledge.points(running))
    options = pool([len(names) for names in problem.candidates], knowledge.tried, rng)
    ends = surrogate.outlook(knowledge.ends(options))
    ends = ends.subset(shortlist(ends))
    choices = [named(problem, row) for row in ends.points.assignments]
    chosen: list[Step] = []
    while len(chosen) < count:
        steps = _allowed(problem, knowledge, choices, [*running, *chosen], left)
        if not steps:
            break
        costs = np.array([step.cost(problem.carry) for step in steps])
        step = steps[worthiest(surrogate, surrogate.outlook(knowledge.points(steps)), ends, costs)]
        chosen.append(step)
        left -= step.cost(problem.carry)
        surrogate = surrogate.imagine(knowledge.points([step]))
        ends = surrogate.outlook(ends.points)
    return chosen


def _allowed(
    problem: Problem, knowledge: Knowledge, choices: Sequence[Names], running: Sequence[Step], left: float
) -> list[Step]:
    """Return all affordable steps of some assignments; short ones only where they tell enough."""
    reached: dict[Names, list[Outcome]] = {}
    for outcome in knowledge.reached().values():
        reached.setdefault(outcome.step.assignment, []).append(outcome)
    turn = len({*knowledge.reached(), *((step.assignment, step.run) for step in running)})
    possible = [
        step
        for names in choices
        for step in _possible(
            problem,
            names,
            reached.get(names, []),
            [step for step in running if step.assignment == names],
            turn,
        )
    ]
    steps = [step for step in possible if affordable(problem, left, step)]
    telling = {stop: stop == 1.0 or _telling(problem, knowledge, running, stop) for stop in problem.fractions}
    return [step for step in steps if telling[step.stop]] or steps


def _telling(problem: Problem, knowledge: Knowledge, running: Sequence[Step], fraction: float) -> bool:
    """Tell whether enough whole trainings have shown that a fraction foretells the end."""
    assert knowledge.surrogate is not None
    whole = [other for other in [*(o.step for o in knowledge.outcomes), *running] if other.stop == 1.0]
    if spent(problem, whole) < _START * problem.budget - 1.0:
        return False
    return knowledge.surrogate.covariance.foretells(fraction) >= _TRUSTED


def _possible(
    problem: Problem, names: Names, reached: Sequence[Outcome], running: Sequence[Step], turn: int
) -> list[Step]:
    """Return all trainings of an assignment that could be started or continued, after `turn` were started."""
    busy = {step.run for step in running}
    stands = {outcome.step.run: outcome for outcome in reached}
    new = _seed(problem, {*busy, *stands}, turn)
    starts = [(new, 0.0)] + [
        (run, outcome.step.stop) for run, outcome in stands.items() if run not in busy and not outcome.failed
    ]
    return [
        Step(names, run, start, stop) for run, start in starts for stop in problem.fractions if stop > start
    ]


def _seed(problem: Problem, had: Collection[int], turn: int) -> int:
    """Return the number of a training's seed: whose turn it is, else the next that its assignment lacks."""
    in_turn = [(turn + step) % problem.seeds for step in range(problem.seeds)]
    return next((number for number in in_turn if number not in had), max(had, default=-1) + 1)
