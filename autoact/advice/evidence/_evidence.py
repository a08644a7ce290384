"""Evidence of data for the activations that suit them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autoact.advice._demands import oscillates
from autoact.advice.evidence._periods import Period, find_period
from autoact.advice.evidence._projection_pursuit import broken_line, find_index
from autoact.advice.evidence._rows import Array, NumericTable
from autoact.advice.evidence._shape import MEANING, Shape, shape_of
from autoact.advice.evidence._units import Unit, fit_units
from autoact.errors import counted

_BEND = 0.02  # share of the line's error that some unit must explain for a bend to be real
_ORDERS = 1.5  # deviation of the logarithm that spans orders of magnitude
_HEAVY = 5.0  # excess kurtosis of the leftover from which on tails are heavy


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was found in a file.

    Attributes:
        notes: One sentence each.
        shape: What the target does along its index; None for classes.
        units: One unit of each activation, the best first; empty for classes, and where nothing bends.
        period: A wave that repeats; None if there is none.
        heavy_tails: Whether the leftover of the linear fit has outliers that a normal would not have.
        output_layer: An activation after the last layer that keeps predictions where the target is.

    Example:
        >>> found = Evidence(
        ...     notes=(), shape=None, units=(), period=None, heavy_tails=False, output_layer="identity"
        ... )
        >>> found.bends
        False
    """

    notes: tuple[str, ...]
    shape: Shape | None
    units: tuple[Unit, ...]
    period: Period | None
    heavy_tails: bool
    output_layer: str

    @property
    def bends(self) -> bool:
        """Whether any unit explains part of what a line leaves over."""
        return self.shape is not None and self.shape.form != "line"


def look(
    rows: NumericTable, names: Sequence[str], fixed: Mapping[str, Mapping[str, float]] | None = None
) -> Evidence:
    """Look at the target's sign and range, and at tails, shape and periods of what a linear fit leaves over.

    Args:
        rows: The file.
        names: Activations to try as one unit.
        fixed: Parameters that keep a value, by activation.
    """
    if rows.target.classes:
        return _of_classes(rows)
    x, y = rows.x, rows.y
    index = find_index(x[::2], y[::2])  # on even rows; the odd ones judge
    t, line = index.along(x), index.predict(x)
    units = tuple(fit_units(names, t, y, line, fixed)) if _may_bend(t, y, line) else ()
    bends = bool(units) and units[0].explained > _BEND and _beats_a_line(units)
    shape = shape_of(t, y, bends=bends)
    residual = y - line
    period = _period(rows, residual, units)
    heavy = len(y) >= 100 and _kurtosis(residual) > _HEAVY
    layer, where = _output(y)
    notes = (
        f"{rows.source}: {counted(len(y), 'row')}, {counted(x.shape[1], 'input')}, "
        f"target {rows.target.name!r} from {y.min():.4g} to {y.max():.4g}{where}",
        _tails(residual, heavy),
        _shape_note(shape, units),
        _period_note(period),
    )
    return Evidence(
        notes=notes, shape=shape, units=units, period=period, heavy_tails=heavy, output_layer=layer
    )


def _of_classes(rows: NumericTable) -> Evidence:
    count = len(rows.target.classes)
    layer = "sigmoid" if count == 2 else "softmax"
    note = (
        f"{rows.source}: {counted(len(rows.y), 'row')}, {counted(rows.x.shape[1], 'input')}, target "
        f"{rows.target.name!r} with {count} classes, which have no shape along a line"
    )
    return Evidence(notes=(note,), shape=None, units=(), period=None, heavy_tails=False, output_layer=layer)


def _period(rows: NumericTable, residual: Array, units: Sequence[Unit]) -> Period | None:
    """Return a wave, unless a unit that does not oscillate explains more: a step looks like one, too."""
    found = find_period(rows.raw, residual)
    plain = max((unit.explained for unit in units if not oscillates(unit.name)), default=0.0)
    return found if found and found.share > plain else None


def _may_bend(t: Array, y: Array, line: Array) -> bool:
    """Tell whether a broken line through even rows explains any more of the odd ones than the linear fit."""
    broken = np.interp(t[1::2], *broken_line(t[::2], y[::2]))
    left, spent = np.mean((broken - y[1::2]) ** 2), np.mean((line[1::2] - y[1::2]) ** 2)
    return bool(spent > 1e-12 * y.var() and left < (1 - _BEND / 2) * spent)


def _beats_a_line(units: Sequence[Unit]) -> bool:
    line = next((unit for unit in units if unit.name == "identity"), None)
    return line is None or line.worse_than_best


def _output(y: Array) -> tuple[str, str]:
    """Return an output activation, and where the target lies, in words."""
    if y.min() < 0:
        return "none", ", of both signs" if y.max() > 0 else ", never positive"
    if y.max() <= 1:
        return "sigmoid", ", never outside 0 to 1"
    skewed = y.min() > 0 and np.log(y).std() > _ORDERS
    return ("exp", ", positive over orders of magnitude") if skewed else ("softplus", ", never negative")


def _kurtosis(residual: Array) -> float:
    spread = residual.std()
    return float(np.mean(((residual - residual.mean()) / spread) ** 4) - 3) if spread > 0 else 0.0


def _tails(residual: Array, heavy: bool) -> str:
    kurtosis = _kurtosis(residual)
    found = f"(excess kurtosis {kurtosis:.1f} of what a linear fit leaves over)"
    if heavy:
        return f"heavy tails {found}: bounded units reach them with large weights only"
    return f"too few rows to judge tails {found}" if kurtosis > _HEAVY else f"tails are not heavy {found}"


def _shape_note(shape: Shape, units: Sequence[Unit]) -> str:
    if shape.form == "line":
        return "what a linear fit leaves over has no shape: no single unit explains any of it on other rows"
    slopes = f"slopes {shape.left:+.2f}, {shape.middle:+.2f}, {shape.right:+.2f} from left to right"
    best, kind = units[0], "asymmetric evidence: the target" if shape.asymmetric else "the target"
    return (
        f"{kind} {MEANING[shape.form]} ({slopes}); one unit of {best.name} explains "
        f"{100 * best.explained:.0f} % of what a linear fit leaves over, on other rows"
    )


def _period_note(period: Period | None) -> str:
    if period is None:
        return "no period in it"
    return (
        f"a period of {period.length:.4g} along {period.column!r} explains {100 * period.share:.0f} % "
        "of what a trend leaves over"
    )
