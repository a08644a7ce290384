"""Shape of a target along its index: adds up, saturates, turns, or bends."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from autoact.advice.evidence._rows import Array

Form = Literal["line", "one side saturates", "both sides saturate", "turns", "two slopes", "curve"]

_OUTER = 0.2  # share of rows on each side whose slope counts
_FLAT = 0.35  # of the steepest slope, at most, for a side that saturates
_SURE = 3.0  # standard errors that slopes must differ by

MEANING: dict[Form, str] = {
    "line": "does not bend beyond noise",
    "one side saturates": "adds up on one side and saturates on the other",
    "both sides saturate": "saturates on both sides",
    "turns": "falls on one side and rises on the other",
    "two slopes": "adds up on both sides, more on one than on the other",
    "curve": "bends, with equal slopes on both sides",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Slopes of the target along its index, per standard deviation of both.

    Attributes:
        form: What they make together.
        left: Slope over the lowest fifth of the index.
        middle: Slope over the middle three fifths.
        right: Slope over the highest fifth.
    """

    form: Form
    left: float
    middle: float
    right: float

    @property
    def asymmetric(self) -> bool:
        """Whether the sides differ."""
        return self.form in ("one side saturates", "two slopes")


def shape_of(t: Array, y: Array, *, bends: bool = True) -> Shape:
    """Return the shape of a target along an index.

    Args:
        t: Index (N,).
        y: Target (N,).
        bends: Whether anything but a line explains y better on fresh rows; without that, it is a line.

    Example:
        >>> t = np.linspace(-2, 2, 400)
        >>> shape_of(t, np.where(t > 0, t, 0.3 * np.expm1(t))).form
        'one side saturates'
        >>> shape_of(t, np.tanh(3 * t)).form, shape_of(t, t**2).form
        ('both sides saturate', 'turns')
    """
    order, outer = np.argsort(t, kind="stable"), round(_OUTER * len(t))
    parts = (order[:outer], order[outer : len(t) - outer], order[len(t) - outer :])
    scale = y.std() / (t.std() or 1.0) or 1.0
    (left, e1), (middle, e2), (right, e3) = (_slope(t[part], y[part], scale) for part in parts)
    form = _form((left, e1), (middle, e2), (right, e3)) if bends else "line"
    return Shape(form=form, left=left, middle=middle, right=right)


def _slope(t: Array, y: Array, scale: float) -> tuple[float, float]:
    """Return a slope and its standard error."""
    around = t - t.mean()
    spread = float(np.sum(around**2))
    if spread == 0:
        return 0.0, 0.0
    slope = float(around @ (y - y.mean())) / spread
    left = y - y.mean() - slope * around
    return slope / scale, float(np.sqrt(np.mean(left**2) / spread)) / scale


def _form(left: tuple[float, float], middle: tuple[float, float], right: tuple[float, float]) -> Form:
    steepest = max(abs(slope) for slope, _ in (left, middle, right))
    flat = [abs(slope) < _FLAT * steepest for slope, _ in (left, right)]
    if all(flat) and _differ(middle, left) and _differ(middle, right):
        return "both sides saturate"
    if not _differ(left, right):
        return "curve"
    if left[0] * right[0] < 0 and not any(flat):
        return "turns"
    return "one side saturates" if any(flat) else "two slopes"


def _differ(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return abs(abs(a[0]) - abs(b[0])) > _SURE * float(np.hypot(a[1], b[1])) or (
        a[0] * b[0] < 0 and abs(a[0] - b[0]) > _SURE * float(np.hypot(a[1], b[1]))
    )
