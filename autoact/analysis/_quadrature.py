"""Expectations under a normal distribution, as exact as float64 allows however sharp the function is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.polynomial.legendre import leggauss

from autoact.analysis._subject import Array

_NODES, _WEIGHTS = leggauss(20)
_REACH = 38.0  # standard deviations: beyond, the density is no float64
_RELATIVE = 1e-14
_ROUNDS = 50
_MOST_PANELS = 100_000  # reached by functions that are noise at some scale, such as float32 inside
_LADDER = 2.0 ** np.arange(-45, 6)


def expectation(
    f: Callable[[Array], Array], breaks: Sequence[float] = (), mean: float = 0.0, std: float = 1.0
) -> float:
    """Return E[f(z)], z ~ N(mean, std²), by adaptive Gauss-Legendre quadrature.

    Panels shrink geometrically towards the mean and every break, so that a bend of any width there is met,
    and are halved until two results agree to 1e-14 of E|f|.

    Args:
        f: Maps (M,) to (M,); kinks and sharp bends beside the breaks only cost time.
        breaks: Kinks, and points near which f may bend sharply.
        mean: Mean of z.
        std: Standard deviation of z, > 0.

    Returns:
        The expectation; infinite where f overflows within 38 standard deviations.

    Example:
        >>> round(expectation(np.square, mean=3.0, std=2.0), 9)
        13.0
    """
    points = _edges(breaks, mean, std)
    low, high = points[:-1], points[1:]
    coarse, size = _panels(f, low, high, mean, std)
    total, scale = 0.0, size.sum()
    for _ in range(_ROUNDS):
        if not math.isfinite(scale):
            return math.nan if math.isnan(scale) else math.inf
        middle = 0.5 * (low + high)
        (left, size_left), (right, size_right) = (
            _panels(f, a, b, mean, std) for a, b in ((low, middle), (middle, high))
        )
        scale += (size_left + size_right - size).sum()
        wrong = np.abs(left + right - coarse) > _RELATIVE * scale
        wrong &= (middle > low) & (middle < high) & (wrong.sum() < _MOST_PANELS)
        total += math.fsum((left + right)[~wrong])
        if not wrong.any():
            break
        low, high = (np.concatenate(p) for p in ((low[wrong], middle[wrong]), (middle[wrong], high[wrong])))
        coarse, size = (
            np.concatenate(p) for p in ((left[wrong], right[wrong]), (size_left[wrong], size_right[wrong]))
        )
    else:
        total += math.fsum(coarse)
    return total


def _edges(breaks: Sequence[float], mean: float, std: float) -> Array:
    """Return the edges of the first panels, sorted."""
    low, high = mean - _REACH * std, mean + _REACH * std
    inside = np.array([mean, *(b for b in breaks if low < b < high)])
    steps = std * np.concatenate([-_LADDER, [0.0], _LADDER])
    edges = (inside[:, None] + steps).ravel()
    return np.unique(np.concatenate([[low, high], edges[(edges > low) & (edges < high)]]))


def _panels(
    f: Callable[[Array], Array], low: Array, high: Array, mean: float, std: float
) -> tuple[Array, Array]:
    """Return the integrals of f and of |f| times the density over panels, (P,) each."""
    half = 0.5 * (high - low)[:, None]
    z = 0.5 * (low + high)[:, None] + half * _NODES
    weight = half * _WEIGHTS * np.exp(-0.5 * ((z - mean) / std) ** 2) / (std * math.sqrt(2 * math.pi))
    values = np.asarray(f(z.ravel())).reshape(z.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        terms = np.where(weight > 0, weight * values, 0.0)
    return terms.sum(1), np.abs(terms).sum(1)
