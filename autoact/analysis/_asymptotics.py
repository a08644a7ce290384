"""Asymptotics of a function: growth and limits."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Literal

import mpmath
import numpy as np
import sympy as sp

from autoact.activations import X
from autoact.analysis._subject import Analyzable, Subject, subject

Growth = Literal["bounded", "sublinear", "linear", "superlinear"]
_SCALES = (10**6, 10**12, 10**18)
_OPAQUE_SCALES = (10**3, 10**4, 10**5)  # a torch callable has float64 values only
# percent; several points, or a sine is caught at its zero
_AROUND = tuple(100 + 618 * k // 10 % 100 for k in range(24))
_DIGITS = 50


def growth(act: Analyzable, **parameters: float) -> Growth:
    """Return how |φ(x)| grows as |x| does, on the faster side.

    Evaluated in arbitrary precision at |x| around 1e4 and 1e8: the ratio tells the order.

    Args:
        act: Anything that `subject` takes.
        **parameters: Parameter values of a single activation.

    Example:
        >>> growth("tanh"), growth("gelu"), growth("relu_squared")
        ('bounded', 'linear', 'superlinear')
    """
    of = subject(act, **parameters)
    scales = (10**3, 10**5) if of.opaque else (10**4, 10**8)
    near, far = (max(_size(of, sign, at) for sign in (-1, 1)) for at in scales)
    if near == 0 or far == 0:
        return "bounded"
    order = float(mpmath.log(far / near) / mpmath.log(scales[1] // scales[0]))
    if not order >= 0.05:
        return "bounded"
    return "sublinear" if order < 0.95 else "linear" if order < 1.05 else "superlinear"


def _size(of: Subject, sign: int, at: int) -> Any:
    return max(mpmath.fabs(value) for value in values_around(of, sign, at))


def limits(act: Analyzable, **parameters: float) -> tuple[float, float]:
    """Return the limits at minus and plus infinity: a number, ±inf, or nan where there is none.

    Args:
        act: Anything that `subject` takes.
        **parameters: Parameter values of a single activation.

    Example:
        >>> limits("elu", alpha=0.5), limits("sin")
        ((-0.5, inf), (nan, nan))
    """
    return _limits(subject(act, **parameters))


@lru_cache(maxsize=512)
def _limits(of: Subject) -> tuple[float, float]:
    return _limit(of, -1), _limit(of, 1)


@lru_cache(maxsize=2048)
def values_around(of: Subject, sign: int, at: int) -> tuple[Any, ...]:
    """Return values at 24 points around sign · at, in arbitrary precision where there is a formula."""
    points = [sign * at * percent // 100 for percent in _AROUND]
    if of.opaque:
        found: list[Any] = of(np.array(points, dtype=float)).tolist()
    else:
        with mpmath.workdps(_DIGITS):
            precise = _precise(of.expression)
            found = [mpmath.re(precise(mpmath.mpf(point))) for point in points]
    return tuple(mpmath.mpf(value) for value in found if not mpmath.isnan(value)) or (mpmath.mpf(0),)


@lru_cache(maxsize=256)
def _precise(expression: sp.Expr) -> Any:
    return sp.lambdify(X, Subject(expression).elementary.xreplace({sp.zoo: sp.oo}), modules="mpmath")


def _limit(of: Subject, sign: int) -> float:
    scales = _OPAQUE_SCALES if of.opaque else _SCALES
    first, second, third = (values_around(of, sign, at) for at in scales)
    settled = 1e-6 if of.opaque else 1e-9
    spread = max(third) - min(third)
    last, before = third[0], second[0]
    if mpmath.isinf(last):
        return float(last)
    if spread <= settled * (1 + abs(last)) and abs(last - before) <= 1e-3 * (1 + abs(last)):
        return _end(first[0], before, last, settled)
    for direction in (1, -1):
        a, b, c = ([direction * value for value in values] for values in (first, second, third))
        if max(a) < min(b) and max(b) < min(c):
            steps = float((min(c) - min(b)) / (min(b) - min(a)))
            return direction * math.inf if steps > 0.999 else _end(first[0], before, last, 1e3 * settled)
    return math.nan


def _end(first: Any, second: Any, third: Any, settled: float) -> float:
    """Return where a sequence of geometrically shrinking steps ends."""
    bend = 2 * second - first - third
    end = third if bend == 0 else third + (third - second) ** 2 / bend
    return 0.0 if abs(end) <= settled * abs(third) or abs(end) < 1e-25 else float(end)
