"""Periods in what a smooth trend leaves over."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.signal import lombscargle

from autoact.advice.evidence._rows import Array

_FEWEST_CYCLES, _MOST_CYCLES = 3.0, 64.0
_OVERSAMPLED = 6  # frequencies tried per cycle over the whole range
_SHARE = 0.25  # of the leftover's variance that one frequency must explain
_CHANCE = 1e-4  # probability that noise has such a peak anywhere
_AGREEMENT = 0.25  # correlation that a wave fitted to a third of the rows must have with the others
_ROWS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A wave that repeats along a column.

    Attributes:
        column: Its name.
        length: Length of one cycle in the column's own units.
        share: Part of the leftover's variance that it explains.
    """

    column: str
    length: float
    share: float


def find_period(columns: Mapping[str, Array], residual: Array) -> Period | None:
    """Return the strongest wave of at least three cycles along a column; None if there is none.

    Each column's cubic trend is taken out first. A peak of the Lomb-Scargle periodogram counts if noise would
    not have it, and if the wave fitted to a third of the column predicts the other two.

    Args:
        columns: Numbers (N,) by name.
        residual: What the linear fit leaves over, (N,).

    Example:
        >>> u = np.linspace(0, 30, 400)
        >>> round(find_period({"hour": u}, np.sin(u) + 0.01 * u**2).length, 1)
        6.3
    """
    found = [p for name, u in columns.items() if (p := _along(name, u[:_ROWS], residual[:_ROWS]))]
    return max(found, key=lambda period: period.share, default=None)


def _along(name: str, u: Array, residual: Array) -> Period | None:
    span = float(np.ptp(u))
    if span == 0 or len(np.unique(u)) < 4 * _FEWEST_CYCLES:
        return None
    z = (u - u.min()) / span
    trend = np.vander(z, 4)
    left = residual - trend @ np.linalg.lstsq(trend, residual, rcond=None)[0]
    if left.std() <= 1e-8 * (residual.std() or 1.0):
        return None
    most = min(_MOST_CYCLES, len(np.unique(z)) / 4)
    cycles = np.arange(_FEWEST_CYCLES, most, 1 / _OVERSAMPLED)
    if not len(cycles):
        return None
    near, _ = _peak(z, left, cycles)
    best, share = _peak(z, left, near + np.linspace(-1, 1, 21) / _OVERSAMPLED)
    if share < _SHARE or _by_chance(share, len(z), len(cycles)) > _CHANCE or not _lasts(z, left, best):
        return None
    return Period(column=name, length=span / best, share=share)


def _peak(z: Array, left: Array, cycles: Array) -> tuple[float, float]:
    """Return the number of cycles whose wave explains most, and the share that it explains."""
    power = lombscargle(z, left, 2 * np.pi * cycles, floating_mean=True, normalize=True)
    best = int(np.argmax(power))
    return float(cycles[best]), float(power[best])


def _by_chance(share: float, rows: int, frequencies: int) -> float:
    """Return a bound on the probability that white noise has a peak as high at one of the frequencies."""
    return frequencies * (1 - min(share, 1 - 1e-12)) ** ((rows - 3) / 2)


def _lasts(z: Array, left: Array, cycles: float) -> bool:
    """Tell whether the wave of each third goes on in the others: a single bend's does not."""
    waves = np.stack(
        [np.cos(2 * np.pi * cycles * z), np.sin(2 * np.pi * cycles * z), np.ones_like(z)], axis=1
    )
    thirds = np.array_split(np.argsort(z, kind="stable"), 3)
    fits = [np.linalg.lstsq(waves[third], left[third], rcond=None)[0] for third in thirds]
    pairs = [(waves[third] @ fit, left[third]) for fit in fits for third in thirds]
    if any(predicted.std() == 0 or told.std() == 0 for predicted, told in pairs):
        return False
    return bool(min(np.corrcoef(predicted, told)[0, 1] for predicted, told in pairs) > _AGREEMENT)
