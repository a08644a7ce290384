"""Which assignments to look at, and what training one of them would be worth."""

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
_MOST_CHANGED = 3  # layers in which a neighbor differs
_SURPRISES = np.linspace(-4.0, 4.0, 33)  # in standard deviations
_WEIGHTS = np.exp(-0.5 * _SURPRISES**2) / np.exp(-0.5 * _SURPRISES**2).sum()

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


def gains(surrogate: Surrogate, trainings: Points, ends: Points) -> Array:
    """Return by how much one more training is expected to better the recommendation: the knowledge gradient.

    After a training all expectations move together along one line, by how it surprises; the recommendation is
    then the best of them. Frazier, Powell and Dayanik, INFORMS J. Comput. 21 (2009).

    Args:
        surrogate: What is believed.
        trainings: N trainings to choose from, at the fraction at which each would be measured.
        ends: M points of what may be recommended.

    Returns:
        Shape (N,), standardized, >= 0 but for rounding.
    """
    _, variance = surrogate.marginal(trainings)
    slopes = surrogate.shared(trainings, ends) / np.sqrt(variance + surrogate.noise)[:, None]
    mean = surrogate.mean(ends)
    lowest = np.zeros(len(trainings))
    for surprise, weight in zip(_SURPRISES, _WEIGHTS, strict=True):
        lowest += weight * (mean + surprise * slopes).min(axis=1)
    return np.asarray(mean.min() - lowest)


def _changed(rows: Indices, sizes: Sequence[int], rng: np.random.Generator) -> Indices:
    """Return assignments that each differ from the given ones in at most three layers."""
    changed = rows.copy()
    for _ in range(_MOST_CHANGED):
        layers = rng.integers(len(sizes), size=len(rows))
        kept = rng.random(len(rows)) < 0.4
        new = (rng.random(len(rows)) * np.asarray(sizes)[layers]).astype(np.intp)
        changed[np.arange(len(rows)), layers] = np.where(kept, changed[np.arange(len(rows)), layers], new)
    return changed
