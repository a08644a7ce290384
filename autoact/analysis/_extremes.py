"""Range of a function and of its slope."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from autoact.analysis._asymptotics import limits, values_around
from autoact.analysis._centers import centers
from autoact.analysis._subject import Analyzable, Array, Subject, subject

_LADDER = np.concatenate([[0.0], 2.0 ** np.arange(-45, 40, 1 / 16)])
_UNIFORM = np.linspace(-60.0, 60.0, 24_001)
_REFINED = 8  # of the highest points of the grid: each is a peak to climb
_JUMP = 1e-6


def value_range(act: Analyzable, **parameters: float) -> tuple[float, float]:
    """Return the infimum and the supremum of φ.

    Args:
        act: Anything that `subject` takes.
        **parameters: Parameter values of a single activation.

    Example:
        >>> [round(end, 6) for end in value_range("silu")], value_range("hardtanh", min_val=-2.0)
        ([-0.278465, inf], (-2.0, 1.0))
    """
    of = subject(act, **parameters)
    return _normal(-_supremum(of, -1.0)), _normal(_supremum(of, 1.0))


def lipschitz(act: Analyzable, **parameters: float) -> float:
    """Return the Lipschitz constant: the supremum of |φ'|, infinite where φ jumps.

    Args:
        act: Anything that `subject` takes.
        **parameters: Parameter values of a single activation.

    Example:
        >>> lipschitz("tanh"), round(lipschitz("silu"), 6), lipschitz("relu_squared"), lipschitz("hardshrink")
        (1.0, 1.099839, inf, inf)
    """
    of = subject(act, **parameters)
    if _jumps(of):
        return math.inf
    slope = of.derivative()
    return max(_supremum(slope, side, open_at=centers(of)) for side in (1.0, -1.0))


def _supremum(of: Subject, side: float, open_at: tuple[float, ...] | None = None) -> float:
    """Return the supremum of side · f; points in `open_at` count from beside them only."""
    if _rises(of, side):
        return math.inf
    ends = [side * end for end in limits(of) if not math.isnan(end)]
    x = _grid(of, open_at)
    y = side * of(x)
    if _explodes(of, side):
        return math.inf
    y = np.where(np.isfinite(y), y, -np.inf)  # overflow inside: far out the limits are exact
    level = (y[1:-1] == y[:-2]) & (y[1:-1] == y[2:])  # nothing to climb
    peaks = 1 + np.flatnonzero((y[1:-1] >= y[:-2]) & (y[1:-1] >= y[2:]) & ~level)
    highest = peaks[np.argsort(y[peaks])[::-1][:_REFINED]]
    return max(float(y.max()), *ends, *(_climb(of, side, x[i - 1 : i + 2], open_at) for i in highest))


def _grid(of: Subject, open_at: tuple[float, ...] | None) -> Array:
    found = open_at or centers(of) or (0.0,)
    ladder = _LADDER[1:] if open_at is not None else _LADDER
    around = np.array(found[:64])[:, None] + np.concatenate([-ladder, ladder])
    return np.setdiff1d(np.concatenate([around.ravel(), _UNIFORM]), open_at or ())


def _climb(of: Subject, side: float, bracket: Array, open_at: tuple[float, ...] | None) -> float:
    """Return the peak between two neighbors of a grid point."""
    low, high = float(bracket[0]), float(bracket[-1])
    if any(low < point < high for point in open_at or ()):
        return -math.inf
    found: Any = minimize_scalar(
        lambda t: -side * float(of(np.array(t))),
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-12 * max(1e-3, high - low)},
    )
    return -float(found.fun) if math.isfinite(found.fun) else -math.inf


def _rises(of: Subject, side: float) -> bool:
    """Tell whether side · f grows without bound, oscillating or not."""
    scales = (10**3, 10**5) if of.opaque else (10**6, 10**12)
    for direction in (-1, 1):
        near, far = (max(side * v for v in values_around(of, direction, at)) for at in scales)
        if far > 0 and far > 1.2 * near and (near > 0 or far > 1):
            return not _settles(of, direction, side)
    return False


def _settles(of: Subject, direction: int, side: float) -> bool:
    end = limits(of)[(direction + 1) // 2]
    return not math.isnan(end) and not side * end == math.inf


def _explodes(of: Subject, side: float) -> bool:
    """Tell whether side · f grows without bound towards a center, as 1/x does."""
    steps = np.concatenate([-_LADDER[1:642:160], _LADDER[1:642:160]]).reshape(2, -1)
    for center in centers(of):
        for y in side * of(center + steps):
            grows = np.isfinite(y).all() and (y[:-1] > 1.001 * y[1:]).all()
            if grows and y[0] > 0 and y[0] > 1e3 * abs(y[-1]):
                return True
    return False


def _jumps(of: Subject) -> bool:
    at = np.array(centers(of))
    apart = 2.0**-40 * np.maximum(1.0, np.abs(at))
    left, right = of(at - apart), of(at + apart)
    return bool((np.abs(right - left) > _JUMP * (1 + np.abs(left) + np.abs(right))).any())


def _normal(value: float) -> float:
    """Return 0.0 for -0.0."""
    return value + 0.0
