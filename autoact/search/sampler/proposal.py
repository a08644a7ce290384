"""Which assignments to look at, and which of them to compare."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np

from autoact.search.sampler.similarity import Array, Indices
from autoact.search.sampler.surrogate import Points, Surrogate

LISTED = 1024  # assignments up to which all of them are looked at
_WORK = 1e7  # comparisons of layers that one look may take: 0.05 s
_SHORTLISTED = 96  # assignments that draws are made for
_HOPE = 2.0  # standard deviations
_DRAWS = 8  # per pair
_MOST_CHANGED = 3  # layers in which a neighbor differs

ToPoints = Callable[[Indices], Points]


def pool(sizes: Sequence[int], tried: Indices, rng: np.random.Generator) -> Indices:
    """Return the assignments to look at: all, or else what was tried, neighbors of it and random ones.

    Args:
        sizes: The number of candidates per layer, (L,).
        tried: Assignments that were tried, the best first, shape (N, L).
        rng: Draws neighbors and random ones.

    Returns:
        Different assignments, shape (M, L).

    Example:
        >>> nothing = np.empty((0, 2), dtype=np.intp)
        >>> pool([2, 2], nothing, np.random.default_rng(0)).tolist()
        [[0, 0], [0, 1], [1, 0], [1, 1]]
    """
    if math.prod(sizes) <= LISTED:
        return np.array(list(itertools.product(*map(range, sizes))), dtype=np.intp)
    most = int(min(LISTED, max(128, _WORK / (len(sizes) * max(1, len(tried))))))
    parts = [rng.integers(sizes, size=(most // 3, len(sizes))).astype(np.intp)]
    if len(tried):
        parts.append(tried[: most // 6])
        near = tried[np.minimum(rng.geometric(0.05, size=most // 2) - 1, len(tried) - 1)]
        parts.append(_changed(near, sizes, rng))
    return np.unique(np.concatenate(parts), axis=0)


def shortlist(surrogate: Surrogate, options: Indices, at: ToPoints) -> Indices:
    """Return the assignments that may be the best, judged by the better end of what is believed of each."""
    mean, variance = surrogate.marginal(at(options))
    hopeful = mean - _HOPE * np.sqrt(variance)
    return options[np.sort(np.argsort(hopeful, kind="stable")[:_SHORTLISTED])]


def duels(
    surrogate: Surrogate, points: Points, count: int, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Return pairs of points between which the best is to be decided: the expected best and a challenger.

    A challenger is the best of one joint draw of all values (Thompson sampling); where that is the expected
    best itself, another draw is made, so that what is known well is not looked at again and again.

    Args:
        surrogate: What is believed.
        points: M >= 2 points.
        count: How many pairs.
        rng: Makes the draws.
    """
    mean, covariance = surrogate.posterior(points)
    leader = int(np.argmin(mean))
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    drawn: Array = mean[:, None] + root @ rng.standard_normal((len(mean), count * _DRAWS))
    best = np.argmin(drawn, axis=0)
    drawn[leader] = np.inf
    second = np.argmin(drawn, axis=0)
    others = [*best[best != leader].tolist(), *second[best == leader].tolist()]
    return [(leader, int(other)) for other in others[:count]]


def told(surrogate: Surrogate, trainings: Points, leader: Points, challenger: Points) -> Array:
    """Return by how much each training would reduce the variance of the difference of two points, (N,)."""
    _, covariance = surrogate.posterior(trainings.joined(leader).joined(challenger))
    with_difference = covariance[:-2, -2] - covariance[:-2, -1]
    return np.asarray(np.square(with_difference) / (np.diag(covariance)[:-2] + surrogate.noise))


def _changed(rows: Indices, sizes: Sequence[int], rng: np.random.Generator) -> Indices:
    """Return assignments that each differ from the given ones in at most three layers."""
    changed = rows.copy()
    for _ in range(_MOST_CHANGED):
        layers = rng.integers(len(sizes), size=len(rows))
        kept = rng.random(len(rows)) < 0.4
        new = (rng.random(len(rows)) * np.asarray(sizes)[layers]).astype(np.intp)
        changed[np.arange(len(rows)), layers] = np.where(kept, changed[np.arange(len(rows)), layers], new)
    return changed
