"""Demands on an activation: each need as a question to its computed facts."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoact import analysis
from autoact._cache import remembered
from autoact.activations import get
from autoact.advice._needs import Needs
from autoact.spaces import Values, facts

_CLOSE = 1e-6  # rounding that a range may be left by
_INPUTS = np.linspace(-20.0, 20.0, 401)  # where every candidate must have a value
_GRADIENT_FACTOR = 1e3  # by which gradients may grow or shrink over all layers
_FAR = 200.0  # where a function that does not oscillate has settled
_WIGGLE = 1e-3  # share of the slope's size that its oscillation has at least


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Something that an activation has to satisfy.

    Attributes:
        asks: What is demanded, in words.
        broken: How an activation with parameter values breaks it; None if it does not.
        everywhere: Whether it must hold wherever training may move parameters, or at the defaults only.
    """

    asks: str
    broken: Callable[[str, Values], str | None]
    everywhere: bool = True


def demands_of(needs: Needs) -> tuple[Demand, ...]:
    """Return what the needs demand of every candidate; values everywhere and at most linear growth always.

    Example:
        >>> [demand.asks for demand in demands_of(Needs(derivatives=2))]
        ['a value for every input, not all equal', 'at most linear growth', '2 continuous derivatives']
    """
    return tuple(_demands(needs))


def _demands(needs: Needs) -> Iterator[Demand]:
    yield Demand(asks="a value for every input, not all equal", broken=_undefined, everywhere=False)
    yield Demand(asks="at most linear growth", broken=_superlinear, everywhere=False)
    count = needs.required_derivatives
    if count:
        yield Demand(
            asks=f"{count} continuous derivative{'s' * (count > 1)}", broken=lambda n, v: _rough(n, v, count)
        )
    if needs.output == "bounded":
        yield Demand(asks="bounded values", broken=_unbounded)
    if needs.output == "unbounded":
        yield Demand(asks="unbounded values", broken=_bounded)
    if needs.output == "nonnegative":
        yield Demand(asks="nonnegative values", broken=lambda n, v: _outside(n, v, 0.0, math.inf))
    if ends := needs.range:
        low, high = ends
        yield Demand(asks=f"values from {low:g} to {high:g}", broken=lambda n, v: _outside(n, v, low, high))
    if side := needs.saturates:
        yield Demand(asks=_SATURATION[side], broken=lambda n, v: _levels(n, v, side))
    if depth := needs.depth:
        asks = f"gradients that survive {depth} layers without normalization"
        yield Demand(asks=asks, broken=lambda n, v: _dying(n, v, depth), everywhere=False)


_SATURATION = {
    "left": "saturation on one side, and growth on the other",
    "right": "saturation on one side, and growth on the other",
    "both": "saturation on both sides",
}


def _undefined(name: str, values: Values) -> str | None:
    y = analysis.subject(get(name), **dict(values))(_INPUTS)
    if not np.isfinite(y).all():
        return f"is not defined at x = {_INPUTS[~np.isfinite(y)][0]:g}"
    return "is constant" if np.ptp(y) == 0 else None


def _superlinear(name: str, values: Values) -> str | None:
    return "grows faster than linearly" if facts.growth(name, values) == "superlinear" else None


def _rough(name: str, values: Values, count: int) -> str | None:
    found = facts.smoothness(name, values, count)
    if found is None:
        return "has no formula, so its derivatives cannot be counted"
    if found >= count:
        return None
    return "jumps" if found < 0 else f"has {found:g} continuous derivative{'s' * (found != 1)}"


def _unbounded(name: str, values: Values) -> str | None:
    growth = facts.growth(name, values)
    return None if growth == "bounded" else f"is not bounded (growth: {growth})"


def _bounded(name: str, values: Values) -> str | None:
    return "is bounded" if facts.growth(name, values) == "bounded" else None


def _outside(name: str, values: Values, low: float, high: float) -> str | None:
    least, most = value_range(name, values)
    if least >= low - _CLOSE and most <= high + _CLOSE:
        return None
    return f"takes values from {least:.4g} to {most:.4g}"


def _levels(name: str, values: Values, side: str) -> str | None:
    ends = limits(name, values)
    finite = sum(math.isfinite(end) for end in ends)
    if finite == (2 if side == "both" else 1):
        return None
    if any(math.isnan(end) for end in ends):
        return "oscillates for ever"
    return ("saturates on no side", "saturates on one side only", "saturates on both sides")[finite]


def _dying(name: str, values: Values, depth: int) -> str | None:
    noise, growth = flow(name, values)
    if math.isinf(noise):
        return "has mean slope 0: gradients cancel"
    factor = 0.5 * depth * math.log10(growth) if growth > 0 else -math.inf
    if abs(factor) <= math.log10(_GRADIENT_FACTOR):
        return None
    what = "vanish" if factor < 0 else "explode"
    return f"lets gradients {what}: a factor of 1e{factor:+.0f} over {depth} layers (χ = {growth:.3g})"


@remembered(maxsize=4096)
def limits(name: str, values: Values) -> tuple[float, float]:
    """Return the limits at both infinities."""
    return analysis.limits(get(name), **dict(values))


@remembered(maxsize=4096)
def value_range(name: str, values: Values) -> tuple[float, float]:
    """Return least and largest value."""
    return analysis.value_range(get(name), **dict(values))


@remembered(maxsize=4096)
def flow(name: str, values: Values) -> tuple[float, float]:
    """Return κ and χ under N(0, 1), weights scaled by the gain."""
    of = analysis.subject(get(name), **dict(values))
    return analysis.gradient_noise(of), analysis.chi(of)


@remembered(maxsize=4096)
def oscillates(name: str) -> bool:
    """Tell whether the slope still swings far from 0, on both sides.

    Example:
        >>> oscillates("sin"), oscillates("snake"), oscillates("tanh")
        (True, True, False)
    """
    of = analysis.subject(get(name))
    away = _FAR + np.linspace(0.0, 40 * np.pi, 4001)
    return all(_swings(of(sign * away, 1)) for sign in (-1, 1))


def _swings(slope: NDArray[np.float64]) -> bool:
    around = slope - slope.mean()
    return bool(
        around.std() > _WIGGLE * (np.abs(slope).max() or 1.0) and (np.diff(np.sign(around)) != 0).sum() >= 4
    )
