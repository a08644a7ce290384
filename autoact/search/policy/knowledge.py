"""What a history tells: the surrogate over a pool of assignments, from outcomes alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoact.search.optimizer._gaussian_process import EXPECTED, Points, Surrogate
from autoact.search.optimizer._kernel import Array, Indices, similarity_of
from autoact.search.optimizer._observations import Observations
from autoact.search.policy.problem import Names, Outcome, Problem, Step


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The surrogate after a history, with everything known about who was trained how far.

    Attributes:
        problem: The problem.
        outcomes: The history in an order that does not depend on which training ended first.
        surrogate: Fitted to it; None before the first value.
    """

    problem: Problem
    outcomes: tuple[Outcome, ...]
    surrogate: Surrogate | None

    @classmethod
    def of(cls, problem: Problem, history: Sequence[Outcome]) -> Knowledge:
        """Fit the surrogate to a history."""
        outcomes = tuple(sorted(history, key=_order))
        seen = observations(problem, outcomes)
        if not len(seen):
            return cls(problem, outcomes, None)
        scores = standard_scores(problem, seen.assignments)
        terms = {name: value for name, value in EXPECTED.items() if name not in problem.without}
        surrogate = Surrogate.fit(similarity_of(problem.candidates), seen, scores, terms)
        return cls(problem, outcomes, surrogate)

    def reached(self) -> dict[tuple[Names, int], Outcome]:
        """Return the last outcome of every training."""
        return {(o.step.assignment, o.step.run): o for o in self.outcomes}

    def tried(self) -> Indices:
        """Return what was tried, best expectation first, and then what is to be tried first, shape (N, L)."""
        names = dict.fromkeys([o.step.assignment for o in self.outcomes] + list(self.problem.first))
        rows = self.rows(list(names))
        if self.surrogate is None:
            return rows
        return rows[np.argsort(self.surrogate.mean(self.ends(rows)), kind="stable")]

    def rows(self, assignments: Sequence[Names]) -> Indices:
        """Return assignments as candidate numbers, shape (N, L)."""
        return numbered(self.problem, assignments)

    def ends(self, assignments: Indices) -> Points:
        """Return the points of assignments' mean values at the end of training."""
        return Points.ends(assignments, standard_scores(self.problem, assignments))

    def points(self, steps: Sequence[Step]) -> Points:
        """Return the points at the ends of some steps, every training with its own number."""
        numbers = {key: number for number, key in enumerate(self.reached())}
        keys = [(step.assignment, step.run) for step in steps]
        for key in keys:
            numbers.setdefault(key, len(numbers))
        rows = self.rows([step.assignment for step in steps])
        fractions = np.array([step.stop for step in steps])
        runs = np.array([numbers[key] for key in keys], dtype=np.intp)
        seeds = np.array([step.run for step in steps], dtype=np.intp) if self.problem.seeds else None
        return Points(rows, fractions, runs, standard_scores(self.problem, rows), seeds)


def observations(problem: Problem, outcomes: Sequence[Outcome]) -> Observations:
    """Return all values of a history; a failed training is one bad value at the end of its step."""
    numbers: dict[tuple[Names, int], int] = {}
    rows = []
    sign = 1.0 if problem.minimize else -1.0
    for outcome in outcomes:
        step = outcome.step
        run = numbers.setdefault((step.assignment, step.run), len(numbers))
        values = {**outcome.values, step.stop: outcome.value}
        rows += [
            (step.assignment, fraction, run, sign * value, step.run)
            for fraction, value in sorted(values.items())
        ]
    return Observations(
        assignments=numbered(problem, [row[0] for row in rows]),
        fractions=np.array([row[1] for row in rows], dtype=np.float64),
        runs=np.array([row[2] for row in rows], dtype=np.intp),
        values=np.array([row[3] for row in rows], dtype=np.float64),
        seeds=np.array([row[4] for row in rows], dtype=np.intp) if problem.seeds else None,
    )


def numbered(problem: Problem, assignments: Sequence[Names]) -> Indices:
    """Return assignments as candidate numbers, shape (N, L)."""
    places = [{name: i for i, name in enumerate(names)} for names in problem.candidates]
    rows = [[place[name] for place, name in zip(places, names, strict=True)] for names in assignments]
    return np.array(rows, dtype=np.intp).reshape(len(rows), problem.layers)


def named(problem: Problem, row: Sequence[int]) -> Names:
    """Return one assignment by its names."""
    return tuple(names[i] for names, i in zip(problem.candidates, row, strict=True))


def standard_scores(problem: Problem, assignments: Indices) -> Array | None:
    """Return the prior's scores, smaller is better, about mean 0 and variance 1 over the assignments."""
    if problem.prior is None:
        return None
    center, width = _moments(problem)
    scores = np.array([problem.prior(named(problem, row)) for row in assignments])
    return np.where(np.isfinite(scores), (center - scores) / width, 3.0)


def _moments(problem: Problem) -> tuple[float, float]:
    assert problem.prior is not None
    rng = np.random.default_rng(0)
    rows = rng.integers([len(names) for names in problem.candidates], size=(256, problem.layers))
    scores = np.array([problem.prior(named(problem, row)) for row in rows])
    finite = scores[np.isfinite(scores)]
    if not len(finite):
        return 0.0, 1.0
    size = float(np.abs(finite).max()) or 1.0  # its square may be infinite
    return size * float((finite / size).mean()), size * float((finite / size).std()) or 1.0


def _order(outcome: Outcome) -> tuple[Names, int, float]:
    return outcome.step.assignment, outcome.step.run, outcome.step.stop


def affordable(problem: Problem, left: float, step: Step) -> bool:
    """Tell whether a step fits into what is left of the budget, rounding aside."""
    return step.cost(problem.carry) <= left + 1e-9 and math.isfinite(left)
