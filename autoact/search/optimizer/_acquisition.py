"""Acquisition: the knowledge gradient over a candidate set of assignments.

After one more training all posterior means move together along one line, by how far it surprises. Its
knowledge gradient is by how much the best of them is then expected to be better than the best of now. With
a second goal, a cost that is known, it is by how much better the best within a budget is, averaged over
budgets: what the hypervolume under the front of means is expected to gain.

References:
    Frazier, Powell and Dayanik: The knowledge-gradient policy for correlated normal beliefs.
    INFORMS Journal on Computing 21 (2009).

Notation:
    mean   posterior mean of M assignments at the end of training, smaller is better
    slope  how far each of them moves with a surprise of one standard deviation of a training, (N, M)
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np

from autoact.search.optimizer._gaussian_process import GaussianProcess, Posterior
from autoact.search.optimizer._kernel import Array, Indices
from autoact.search.optimizer._known_costs import Budgets, KnownCosts, by_fronts

LISTED = 1024  # assignments up to which all of them are looked at
_WORK = 1e7  # comparisons of layers that one look may take: 0.05 s
_SHORTLISTED = 96  # assignments that are judged by what training them is worth
_HOPE = 2.0  # standard deviations
_MOST_CHANGED = 3  # layers in which a neighbor differs
_SURPRISES = np.linspace(-4.0, 4.0, 33)  # in standard deviations
_WEIGHTS = np.exp(-0.5 * _SURPRISES**2) / np.exp(-0.5 * _SURPRISES**2).sum()
_NOTHING = 1e-12  # gains up to which are rounding
_EQUAL = 1.0 - 1e-9  # part of the largest gain from which on another is as large but for rounding


def candidate_set(
    sizes: Sequence[int], best_first: Callable[[], Indices], rng: np.random.Generator
) -> Indices:
    """Return the assignments to look at: all, or else what was tried, neighbors of it and random ones.

    Args:
        sizes: The number of candidates per layer, (L,).
        best_first: Gives what was tried, the best first, shape (N, L); called where that matters.
        rng: Draws neighbors and random ones.

    Returns:
        Different assignments, shape (M, L).

    Example:
        >>> nothing = np.empty((0, 2), dtype=np.intp)
        >>> candidate_set([2, 2], lambda: nothing, np.random.default_rng(0)).tolist()
        [[0, 0], [0, 1], [1, 0], [1, 1]]
    """
    if math.prod(sizes) <= LISTED:
        return np.array(list(itertools.product(*map(range, sizes))), dtype=np.intp)
    tried = best_first()
    most = int(min(LISTED, max(128, _WORK / (len(sizes) * max(1, len(tried))))))
    parts = [rng.integers(sizes, size=(most // 3, len(sizes))).astype(np.intp)]
    if len(tried):
        parts.append(tried[: most // 6])
        near = tried[np.minimum(rng.geometric(0.05, size=most // 2) - 1, len(tried) - 1)]
        parts.append(_changed(near, sizes, rng))
    return np.unique(np.concatenate(parts), axis=0)


def shortlist(options: Posterior, costs: KnownCosts | None = None) -> Indices:
    """Return the numbers of the options that may be best, by the lower end of their posterior.

    Args:
        options: The options.
        costs: Second goal: the best within some budget are wanted.
    """
    hopeful = options.mean - _HOPE * np.sqrt(options.variance)
    if costs is not None:
        return np.sort(by_fronts(hopeful, costs(options.points.assignments), _SHORTLISTED))
    return np.sort(np.argsort(hopeful, kind="stable")[:_SHORTLISTED])


def best_training(
    process: GaussianProcess, trainings: Posterior, means: Posterior, costs: KnownCosts | None = None
) -> int:
    """Return the number of the training with the largest knowledge gradient, the first one of equals.

    Where none is expected to better anything, it is the one that takes the least surprise to.

    Args:
        process: The process.
        trainings: N trainings to choose from.
        means: Mean values of M assignments that may be recommended.
        costs: Second goal.
    """
    slope = slopes(process, trainings, means)
    budgets = None if costs is None else costs.budgets(means.points.assignments)
    gain = knowledge_gradient(means.mean, slope, budgets)
    if gain.max() <= _NOTHING:
        return int(np.argmin(surprises(means.mean, slope, budgets)))
    return int(np.argmax(gain >= _EQUAL * gain.max()))


def slopes(process: GaussianProcess, trainings: Posterior, means: Posterior) -> Array:
    """Return how far each mean moves with a surprise of one standard deviation, shape (N, M)."""
    return process.joint(trainings, means) / np.sqrt(trainings.variance + process.noise)[:, None]


def knowledge_gradient(mean: Array, slope: Array, budgets: Budgets | None = None) -> Array:
    """Return by how much one more training is expected to better the best mean.

        KG_n = min_m mean_m - E_z[ min_m (mean_m + z slope_nm) ],  z ~ N(0, 1)

    With a second goal each minimum is over what a budget b suffices for, cost_m <= b, averaged over b.

    Args:
        mean: Shape (M,), smaller is better.
        slope: What `slopes` returns, shape (N, M).
        budgets: Of the second goal.

    Returns:
        Shape (N,), in units of the mean, >= 0 but for rounding.
    """
    lowest = np.zeros(len(slope))
    for surprise, weight in zip(_SURPRISES, _WEIGHTS, strict=True):
        moved = mean + surprise * slope
        lowest += weight * (moved.min(axis=1) if budgets is None else budgets.expected(moved))
    return np.asarray((mean.min() if budgets is None else budgets.expected(mean)) - lowest)


def surprises(mean: Array, slope: Array, budgets: Budgets | None = None) -> Array:
    """Return by how many standard deviations each training must surprise to change what is recommended, (N,).

    With a second goal something is recommended for every budget.

    Example:
        >>> surprises(np.array([0.0, 1.0]), np.array([[0.1, 0.0], [0.5, 0.3], [0.2, 0.2]])).round(6).tolist()
        [10.0, 5.0, inf]
    """
    recommended = [(int(np.argmin(mean)), np.arange(len(mean)))] if budgets is None else budgets.best(mean)
    needed = np.full(len(slope), np.inf)
    for best, others in recommended:
        apart = np.abs(slope[:, others] - slope[:, best : best + 1])
        with np.errstate(divide="ignore", invalid="ignore"):
            own = np.where(apart > 0, (mean[others] - mean[best]) / apart, np.inf)
        needed = np.minimum(needed, own.min(axis=1))
    return needed


def _changed(rows: Indices, sizes: Sequence[int], rng: np.random.Generator) -> Indices:
    """Return assignments that each differ from the given ones in at most three layers."""
    changed = rows.copy()
    for _ in range(_MOST_CHANGED):
        layers = rng.integers(len(sizes), size=len(rows))
        kept = rng.random(len(rows)) < 0.4
        new = (rng.random(len(rows)) * np.asarray(sizes)[layers]).astype(np.intp)
        changed[np.arange(len(rows)), layers] = np.where(kept, changed[np.arange(len(rows)), layers], new)
    return changed
