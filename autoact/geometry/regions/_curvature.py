"""Curvature of a network of any activation along a segment."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from autoact.errors import ConfigurationError
from autoact.geometry.regions._hyperplanes import Array
from autoact.geometry.regions._segments import Segment

_ROWS = 4096


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curvature:
    """How the slope of a network changes from start (t = 0) to end (t = 1).

    Attributes:
        t: Inner places of the grid, (T,).
        change: Size of the change of slope there, per step, (T,).
        bends: Places where it peaks.

    Example:
        >>> from torch import nn
        >>> found = curvature(nn.ReLU(), [-4.0], [4.0])
        >>> len(found), found.bends.round(2)
        (1, array([0.5]))
    """

    t: Array
    change: Array
    bends: Array

    def __len__(self) -> int:
        """Return the number of bends."""
        return len(self.bends)

    @property
    def total(self) -> float:
        """Change of slope added up: for one output the integral of |f''|, jumps of f' included."""
        return float(self.change.sum())


def curvature(
    model: nn.Module, start: Any, end: Any, *, points: int = 10_001, threshold: float = 1e-3
) -> Curvature:
    """Return where the slope of a network changes along a segment, on a grid.

    For smooth activations there are no pieces to count; a bend is a place where the change of slope peaks.
    Of a piecewise-linear network bends are its kinks, as far as the grid tells them apart: use
    `linear_pieces`.

    Args:
        model: Any module that maps a batch (N, ...) to outputs (N, ...); a copy runs in float64.
        start: One input, without the batch dimension.
        end: Another of the same shape.
        points: Of the grid, >= 5.
        threshold: Peaks below this share of the highest do not count, in (0, 1).

    Raises:
        UnsupportedInputError: Wrong shapes, or values that are not finite.
        ConfigurationError: A grid or threshold outside its range.

    Example:
        >>> from torch import nn
        >>> len(curvature(nn.Tanh(), [-4.0], [4.0])), len(curvature(nn.ReLU(), [-4.0], [4.0]))
        (2, 1)
    """
    if points < 5 or not 0 < threshold < 1:
        raise ConfigurationError(f"points={points}, threshold={threshold}: at least 5, and between 0 and 1.")
    t = np.linspace(0.0, 1.0, points)
    network, segment = copy.deepcopy(model).double().cpu().eval(), Segment.of(start, end)
    with torch.no_grad():
        y = torch.cat([network(x).flatten(1) for x in segment(t).split(_ROWS)]).numpy()
    change = np.linalg.norm(np.diff(y, 2, axis=0), axis=1) * (points - 1)
    noise = 8 * np.finfo(float).eps * np.abs(y).max(initial=0.0) * (points - 1)
    high = max(threshold * change.max(), noise)
    return Curvature(t=t[1:-1], change=change, bends=t[1:-1][_peaks(change) & (change > high)])


def _peaks(values: Array) -> npt.NDArray[np.bool_]:
    """Tell which values rise above the one before and do not fall below the next: of equals the first."""
    padded = np.concatenate([[-np.inf], values, [-np.inf]])
    return (values > padded[:-2]) & (values >= padded[2:])
