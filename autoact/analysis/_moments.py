"""Expectations of a function and its derivative under the distribution of the pre-activation."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch

from autoact.analysis._centers import centers
from autoact.analysis._quadrature import expectation
from autoact.analysis._subject import Analyzable, Array, Subject, subject
from autoact.errors import ConfigurationError

_CANCELED = 1e-12  # of E|φ'|: what rounding leaves of a mean slope that is 0


class _Distribution(NamedTuple):
    """N(mean, std²), or a sample in its place."""

    mean: float
    std: float
    sample: Array | None

    def expect(self, of: Subject, f: Callable[..., Array], *orders: int) -> float:
        """Return the expectation of f(derivatives of those orders at z)."""
        if self.sample is None:
            return _under_normal(of, f, orders, self.mean, self.std)
        return float(np.mean(f(*(of(self.sample, order) for order in orders))))


@lru_cache(maxsize=4096)
def _under_normal(
    of: Subject, f: Callable[..., Array], orders: tuple[int, ...], mean: float, std: float
) -> float:
    def values(z: Array) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            return f(*(of(z, order) for order in orders))

    return expectation(values, centers(of), mean, std)


def _distribution(mean: float, std: float, sample: Array | None) -> _Distribution:
    if sample is not None:
        if isinstance(sample, torch.Tensor):
            sample = sample.detach().cpu().numpy()
        drawn = np.asarray(sample, dtype=np.float64).ravel()
        if not drawn.size or not np.isfinite(drawn).all():
            raise ConfigurationError(
                f"sample has {drawn.size} values, {int((~np.isfinite(drawn)).sum())} of them not finite. "
                "Give at least one, all finite."
            )
        return _Distribution(float(drawn.mean()), float(drawn.std()), drawn)
    if not (math.isfinite(mean) and math.isfinite(std) and std > 0):
        raise ConfigurationError(f"mean={mean}, std={std}: the mean must be finite, std finite and above 0.")
    return _Distribution(mean, std, None)


def mean(
    act: Analyzable, mean: float = 0.0, std: float = 1.0, sample: Array | None = None, **parameters: float
) -> float:
    """Return E[φ(z)], z ~ N(mean, std²) or drawn from a sample of shape (N,).

    Args:
        act: A name, an `Activation`, a mixture (weights by name), or a layer.
        mean: Of the pre-activation z.
        std: Standard deviation of z, > 0.
        sample: Values of z, shape (N,), in place of a normal distribution.
        **parameters: Of the activation, such as alpha.

    Example:
        >>> round(mean("relu"), 6)
        0.398942
    """
    return _distribution(mean, std, sample).expect(subject(act, **parameters), np.positive, 0)


def second_moment(
    act: Analyzable, mean: float = 0.0, std: float = 1.0, sample: Array | None = None, **parameters: float
) -> float:
    """Return E[φ(z)²], z ~ N(mean, std²) or drawn from a sample of shape (N,).

    Args:
        act: A name, an `Activation`, a mixture (weights by name), or a layer.
        mean: Of the pre-activation z.
        std: Standard deviation of z, > 0.
        sample: Values of z, shape (N,), in place of a normal distribution.
        **parameters: Of the activation, such as alpha.

    Example:
        >>> round(second_moment("relu"), 6)
        0.5
    """
    return _distribution(mean, std, sample).expect(subject(act, **parameters), np.square, 0)


def variance(
    act: Analyzable, mean: float = 0.0, std: float = 1.0, sample: Array | None = None, **parameters: float
) -> float:
    """Return Var[φ(z)], z ~ N(mean, std²) or drawn from a sample of shape (N,).

    Args:
        act: A name, an `Activation`, a mixture (weights by name), or a layer.
        mean: Of the pre-activation z.
        std: Standard deviation of z, > 0.
        sample: Values of z, shape (N,), in place of a normal distribution.
        **parameters: Of the activation, such as alpha.

    Example:
        >>> round(variance("identity"), 6)
        1.0
    """
    of, under = subject(act, **parameters), _distribution(mean, std, sample)
    center = under.expect(of, np.positive, 0)
    return under.expect(of, lambda y: np.square(y - center), 0)


def gain(
    act: Analyzable, mean: float = 0.0, std: float = 1.0, sample: Array | None = None, **parameters: float
) -> float:
    """Return 1 / sqrt(E[φ(z)²]): the weight scale that keeps the second moment at 1.

    Args:
        act: A name, an `Activation`, a mixture (weights by name), or a layer.
        mean: Of the pre-activation z.
        std: Standard deviation of z, > 0.
        sample: Values of z, shape (N,), in place of a normal distribution.
        **parameters: Of the activation, such as alpha.

    Returns:
        Infinite for a function that is 0 wherever z falls.

    Example:
        >>> round(gain("relu") ** 2, 6)
        2.0
    """
    moment = second_moment(act, mean, std, sample, **parameters)
    return 1.0 / math.sqrt(moment) if moment > 0 else math.inf


def slope_mean(
    act: Analyzable, mean: float = 0.0, std: float = 1.0, sample: Array | None = None, **parameters: float
) -> float:
    """Return E[φ'(z)], z ~ N(mean, std²) or drawn from a sample of shape (N,).

    Args:
        act: A name, an `Activation`, a mixture (weights by name), or a layer.
        mean: Of the pre-activation z.
        std: Standard deviation of z, > 0.
        sample: Values of z, shape (N,), in place of a normal distribution.
        **parameters: Of the activation, such as alpha.

    Example:
        >>> round(slope_mean("relu"), 6)
        0.5
    """
    return _distribution(mean, std, sample).expect(subject(act, **parameters), np.positive, 1)


def slope_moment(
    act: Analyzable, mean: float = 0.0, std: float = 1.0, sample: Array | None = None, **parameters: float
) -> float:
    """Return E[φ'(z)²], which times the weight variance is χ, the growth of gradients per layer.

    Args:
        act: A name, an `Activation`, a mixture (weights by name), or a layer.
        mean: Of the pre-activation z.
        std: Standard deviation of z, > 0.
        sample: Values of z, shape (N,), in place of a normal distribution.
        **parameters: Of the activation, such as alpha.

    Example:
        >>> round(slope_moment("relu"), 6)
        0.5
    """
    return _distribution(mean, std, sample).expect(subject(act, **parameters), np.square, 1)


def chi(
    act: Analyzable,
    weight_variance: float | None = None,
    mean: float = 0.0,
    std: float = 1.0,
    sample: Array | None = None,
    **parameters: float,
) -> float:
    """Return χ = σ_w² E[φ'(z)²], by which one layer multiplies squared gradients; 1 lets them pass.

    Args:
        act: Anything that `subject` takes.
        weight_variance: σ_w² = fan_in · Var[w]; None: the square of the gain, which keeps the signal's size.
        mean: Mean of z.
        std: Standard deviation of z, > 0.
        sample: Measured pre-activations (N,), used instead of the normal distribution.
        **parameters: Parameter values of a single activation.

    Example:
        >>> round(chi("relu"), 6), round(chi("sigmoid", weight_variance=1.0), 4)
        (1.0, 0.0448)
    """
    scale = gain(act, mean, std, sample, **parameters) ** 2 if weight_variance is None else weight_variance
    return scale * slope_moment(act, mean, std, sample, **parameters)


def variance_map_slope(
    act: Analyzable, mean: float = 0.0, std: float = 1.0, sample: Array | None = None, **parameters: float
) -> float:
    """Return E[φ(z)φ'(z)(z - E z)] / E[φ(z)²]: how layers after the gain multiply an error of the variance.

    It is the slope at q = 1 of q -> gain² · E[φ(mean + sqrt(q) (z - mean))²]. Above 1 no constant gain holds
    a deep network: errors of the variance grow from layer to layer.

    Args:
        act: A name, an `Activation`, a mixture (weights by name), or a layer.
        mean: Of the pre-activation z.
        std: Standard deviation of z, > 0.
        sample: Values of z, shape (N,), in place of a normal distribution.
        **parameters: Of the activation, such as alpha.

    Example:
        >>> [round(variance_map_slope(name), 2) for name in ("relu", "silu", "tanh")]
        [1.0, 1.17, 0.46]
    """
    of, under = subject(act, **parameters), _distribution(mean, std, sample)
    moment = under.expect(of, np.square, 0)
    about = lambda z: of(z) * of(z, 1) * (z - under.mean)  # noqa: E731
    if under.sample is None:
        grown = expectation(about, centers(of), mean, std)
    else:
        grown = float(np.mean(about(under.sample)))
    return grown / moment if moment > 0 else math.nan


def gradient_noise(
    act: Analyzable, mean: float = 0.0, std: float = 1.0, sample: Array | None = None, **parameters: float
) -> float:
    """Return κ = E[φ'(z)²] / E[φ'(z)]², the relative gradient noise of a unit; 1 is the minimum, linear.

    Args:
        act: Anything that `subject` takes: a name, an Activation, a mapping name -> weight, a layer, ...
        mean: Mean of the pre-activation z.
        std: Standard deviation of z, > 0.
        sample: Measured pre-activations (N,), used instead of the normal distribution.
        **parameters: Parameter values of a single activation.

    Returns:
        κ >= 1; infinite where the mean slope is 0: even functions, and flat ones.

    Raises:
        ConfigurationError: std <= 0, or an empty sample.

    Example:
        >>> round(gradient_noise("elu"), 6), gradient_noise({"relu": 1.0, "identity": -0.5})
        (1.151897, inf)
    """
    of, under = subject(act, **parameters), _distribution(mean, std, sample)
    first, size = (under.expect(of, f, 1) for f in (np.positive, np.abs))
    if abs(first) <= _CANCELED * size:
        return math.inf
    return max(1.0, under.expect(of, lambda d: d * (d / first), 1) / first)
