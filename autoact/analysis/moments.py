"""Expectations of a function and its derivative under the distribution of the pre-activation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.polynomial.legendre import leggauss

from autoact.analysis.kinks import kinks
from autoact.analysis.subject import Analyzable, Array, Subject, subject

_NODES, _WEIGHTS = leggauss(20)
_REACH = 12.0  # standard deviations; the density beyond is below 1e-31
_MOST_REFINEMENTS = 12


def expectation(
    f: Callable[[Array], Array], breaks: Sequence[float] = (), mean: float = 0.0, std: float = 1.0
) -> float:
    """Return E[f(z)], z ~ N(mean, std²), by composite Gauss-Legendre quadrature split at the breaks.

    Panels are halved until two results agree to 1e-12 (relative, or absolute below 1).
    """
    low, high = mean - _REACH * std, mean + _REACH * std
    edges = sorted({low, high, *(b for b in breaks if low < b < high)})
    previous = math.nan
    for level in range(3, _MOST_REFINEMENTS):
        total = sum(_panels(f, a, b, 2**level, mean, std) for a, b in pairwise(edges))
        if abs(total - previous) <= 1e-12 * max(1.0, abs(total)):
            return total
        previous = total
    return previous


def _panels(
    f: Callable[[Array], Array], low: float, high: float, count: int, mean: float, std: float
) -> float:
    edges = np.linspace(low, high, count + 1)
    half = 0.5 * np.diff(edges)[:, None]
    z = 0.5 * (edges[:-1] + edges[1:])[:, None] + half * _NODES
    density = np.exp(-0.5 * ((z - mean) / std) ** 2) / (std * math.sqrt(2 * math.pi))
    return float(np.sum(half * _WEIGHTS * density * f(z.ravel()).reshape(z.shape)))


def _expect(
    of: Subject, g: Callable[[Array], Array], order: int, mean: float, std: float, sample: Array | None
) -> float:
    if sample is not None:
        return float(np.mean(g(of(np.asarray(sample, dtype=np.float64), order))))
    return expectation(lambda z: g(of(z, order)), kinks(of), mean, std)


def mean(
    act: Analyzable, mean: float = 0.0, std: float = 1.0, sample: Array | None = None, **parameters: float
) -> float:
    """Return E[φ(z)], z ~ N(mean, std²) or drawn from a sample of shape (N,).

    Example:
        >>> round(mean("relu"), 6)
        0.398942
    """
    return _expect(subject(act, **parameters), lambda y: y, 0, mean, std, sample)


def second_moment(
    act: Analyzable, mean: float = 0.0, std: float = 1.0, sample: Array | None = None, **parameters: float
) -> float:
    """Return E[φ(z)²], z ~ N(mean, std²) or drawn from a sample of shape (N,).

    Example:
        >>> round(second_moment("relu"), 6)
        0.5
    """
    return _expect(subject(act, **parameters), np.square, 0, mean, std, sample)


def variance(
    act: Analyzable, mean: float = 0.0, std: float = 1.0, sample: Array | None = None, **parameters: float
) -> float:
    """Return Var[φ(z)], z ~ N(mean, std²) or drawn from a sample of shape (N,).

    Example:
        >>> round(variance("identity"), 6)
        1.0
    """
    of = subject(act, **parameters)
    center = _expect(of, lambda y: y, 0, mean, std, sample)
    return _expect(of, lambda y: np.square(y - center), 0, mean, std, sample)


def gain(
    act: Analyzable, mean: float = 0.0, std: float = 1.0, sample: Array | None = None, **parameters: float
) -> float:
    """Return 1 / sqrt(E[φ(z)²]): the weight scale that keeps the second moment at 1.

    Example:
        >>> round(gain("relu") ** 2, 6)
        2.0
    """
    return 1.0 / math.sqrt(_expect(subject(act, **parameters), np.square, 0, mean, std, sample))


def slope_moment(
    act: Analyzable, mean: float = 0.0, std: float = 1.0, sample: Array | None = None, **parameters: float
) -> float:
    """Return E[φ'(z)²], which times the weight variance is χ, the growth of gradients per layer.

    Example:
        >>> round(slope_moment("relu"), 6)
        0.5
    """
    return _expect(subject(act, **parameters), np.square, 1, mean, std, sample)


def gradient_noise(
    act: Analyzable, mean: float = 0.0, std: float = 1.0, sample: Array | None = None, **parameters: float
) -> float:
    """Return κ = E[φ'(z)²] / E[φ'(z)]², the relative gradient noise of a unit; 1 is the minimum, linear.

    Args:
        act: A name, an Activation, a mapping name -> weight, or an AutoActivation.
        mean: Mean of the pre-activation z.
        std: Standard deviation of z, > 0.
        sample: Measured pre-activations (N,), used instead of the normal distribution.
        **parameters: Parameter values of a single activation.

    Returns:
        κ >= 1; infinite where the mean slope is 0 (even functions).

    Example:
        >>> round(gradient_noise("elu"), 6), gradient_noise({"relu": 1.0, "identity": -0.5})
        (1.151897, inf)
    """
    of = subject(act, **parameters)
    first = _expect(of, lambda d: d, 1, mean, std, sample)
    second = _expect(of, np.square, 1, mean, std, sample)
    return math.inf if first * first <= 1e-18 * second else second / (first * first)
