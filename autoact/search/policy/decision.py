"""What to train next: short trainings of many, longer ones of the promising, all judged by one surrogate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autoact.search.policy.knowledge import Knowledge, affordable, named, numbered, pool
from autoact.search.policy.problem import Outcome, Problem, Step, spent
from autoact.search.sampler.similarity import Array, Indices

_RATIO = 3.0  # each rung spends as much as those below it over this


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
    chosen: list[Step] = []
    for _ in range(count):
        step = _next(problem, knowledge, [*running, *chosen])
        if step is None:
            break
        chosen.append(step)
    return chosen


def _next(problem: Problem, knowledge: Knowledge, running: list[Step]) -> Step | None:
    done = [outcome.step for outcome in knowledge.outcomes]
    left = problem.budget - spent(problem, [*done, *running])
    rng = np.random.default_rng([problem.seed, len(done), len(running)])
    for rung in _rungs(problem, [*done, *running]):
        step = (
            _start(problem, knowledge, running, rng)
            if rung == 0
            else _advance(problem, knowledge, running, rung)
        )
        if step is not None and affordable(problem, left, step):
            return step
    return None


def planned(problem: Problem) -> list[int]:
    """Return how many trainings should reach each fraction."""
    fractions = problem.fractions
    costs = np.diff([0.0, *fractions]) if problem.carry else np.array(fractions)
    share = problem.budget / len(fractions)
    counts = [max(1, int(share / cost)) for cost in costs]
    return [min(counts[: i + 1]) for i in range(len(counts))]


def _rungs(problem: Problem, steps: Sequence[Step]) -> list[int]:
    """Return the rungs to try to fill, the most urgent first."""
    counts = [sum(step.stop == fraction for step in steps) for fraction in problem.fractions]
    missing = [
        rung for rung, (have, want) in enumerate(zip(counts, planned(problem), strict=True)) if have < want
    ]
    return missing + [rung for rung in reversed(range(len(counts))) if rung not in missing]


def _start(
    problem: Problem, knowledge: Knowledge, running: list[Step], rng: np.random.Generator
) -> Step | None:
    tried = [o.step.assignment for o in knowledge.outcomes] + [step.assignment for step in running]
    for names in problem.first:
        if names not in tried:
            return Step(names, 0, 0.0, problem.fractions[0])
    options = pool(problem, knowledge, rng)
    new = np.array([named(problem, row) not in set(tried) for row in options])
    if not new.any():
        names = named(problem, options[rng.integers(len(options))])
        return Step(names, tried.count(names), 0.0, problem.fractions[0])
    options = options[new]
    if knowledge.surrogate is None:
        return Step(named(problem, options[rng.integers(len(options))]), 0, 0.0, problem.fractions[0])
    mean, covariance = knowledge.posterior(options)
    return Step(named(problem, options[_thompson(mean, covariance, rng)]), 0, 0.0, problem.fractions[0])


def _advance(problem: Problem, knowledge: Knowledge, running: list[Step], rung: int) -> Step | None:
    """Return the continuation, to a rung, of the most promising training that stands on the rung below."""
    busy = {(step.assignment, step.run) for step in running}
    ready = [
        key
        for key, outcome in knowledge.reached().items()
        if key not in busy and not outcome.failed and outcome.step.stop == problem.fractions[rung - 1]
    ]
    if not ready:
        return None
    mean, _ = knowledge.posterior(numbered(problem, [names for names, _ in ready]))
    names, run = ready[int(np.argmin(mean))]
    return Step(names, run, problem.fractions[rung - 1], problem.fractions[rung])


def _thompson(mean: Array, covariance: Array, rng: np.random.Generator) -> int:
    """Return the best of one joint draw of all values."""
    lower = np.linalg.cholesky(covariance + 1e-6 * np.trace(covariance) / len(mean) * np.eye(len(mean)))
    return int(np.argmin(mean + lower @ rng.standard_normal(len(mean))))
