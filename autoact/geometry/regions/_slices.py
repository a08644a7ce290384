"""Slices of a network: planes through its input space, with the exact regions within which it is affine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from autoact.errors import ConfigurationError, UnsupportedInputError
from autoact.geometry.regions._bends import Bends, check_point
from autoact.geometry.regions._hyperplanes import Array
from autoact.geometry.regions._segments import run

_ON = 1e-12  # of the largest distance: closer corners lie on the bend
_STRAIGHT = 1e-8
_MOST = 50_000
_SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SliceRegions:
    """A piecewise-linear network on the parallelogram origin + a (right - origin) + b (up - origin).

    Attributes:
        polygons: Corners (V, 2) in the coordinates (a, b) of [0, 1]², of every region in which no unit
            changes its piece.
        values: Outputs at the corners, (V, O) for every region.

    Example:
        >>> from torch import nn
        >>> found = slice_regions(nn.ReLU(), [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0])
        >>> len(found), found.areas
        (4, array([0.25, 0.25, 0.25, 0.25]))
    """

    polygons: tuple[Array, ...]
    values: tuple[Array, ...]

    def __len__(self) -> int:
        """Return the number of regions."""
        return len(self.polygons)

    @property
    def areas(self) -> Array:
        """Area of every region, (R,); together 1."""
        return np.array([_area(polygon) for polygon in self.polygons])


def slice_regions(model: nn.Module, origin: Any, right: Any, up: Any) -> SliceRegions:
    """Return the exact regions of a piecewise-linear network on a plane through three inputs.

    Layer by layer each region is cut along the lines in which units change their piece; within it, all that
    earlier layers hand on is affine, so its values at the corners say where those lines are.

    Args:
        model: What `linear_pieces` takes.
        origin: One input, without the batch dimension.
        right: Another, at (1, 0) of the plane.
        up: Another, at (0, 1).

    Raises:
        UnsupportedInputError: Wrong shapes, or values that are not finite.
        ConfigurationError: A network that is not piecewise linear, or more than 50,000 regions.

    Example:
        >>> from torch import nn
        >>> regions = slice_regions(nn.ReLU(), [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0])
        >>> len(regions), regions.areas
        (4, array([0.25, 0.25, 0.25, 0.25]))
    """
    plane = _Plane(*(check_point(name, p) for name, p in (("origin", origin), ("right", right), ("up", up))))
    if not plane.origin.shape == plane.right.shape == plane.up.shape:
        raise UnsupportedInputError(
            f"origin, right and up have shapes {[tuple(p.shape) for p in plane]}: they must be three inputs "
            "of the same shape, without the batch dimension."
        )
    network, polygons, done = Bends(model), [_SQUARE], 0
    while True:
        corners = np.concatenate(polygons)
        outputs, distances = run(network, plane(corners))
        starts = np.cumsum([len(p) for p in polygons])[:-1]
        found = ((k, _all_cut(polygons, np.split(d, starts))) for k, d in enumerate(distances) if k >= done)
        first = next(((k, cut) for k, cut in found if len(cut) > len(polygons)), None)
        if first is None:
            break
        done, polygons = first[0] + 1, _limited(first[1])
    values = np.split(outputs, starts)
    _check_affine(network, plane, polygons, values)
    return SliceRegions(polygons=tuple(polygons), values=tuple(values))


class _Plane(NamedTuple):
    origin: Tensor
    right: Tensor
    up: Tensor

    def __call__(self, places: Array) -> Tensor:
        a, b = (torch.from_numpy(places[:, i]).view(-1, *[1] * self.origin.dim()) for i in (0, 1))
        return self.origin + a * (self.right - self.origin) + b * (self.up - self.origin)


def _all_cut(polygons: list[Array], distances: list[Array]) -> list[Array]:
    return [part for p, d in zip(polygons, distances, strict=True) for part in _cut(p, d)]


def _cut(polygon: Array, distances: Array) -> list[Array]:
    """Return the parts of a convex polygon (V, 2) between the lines where columns of (V, units) are 0."""
    parts = [np.column_stack([polygon, distances])]
    for column in range(2, parts[0].shape[1]):
        parts = [part for whole in parts for part in _halves(whole, column)]
    return [part[:, :2] for part in parts]


def _halves(rows: Array, column: int) -> list[Array]:
    """Split corners with their values where one value is 0; values in between are affine too."""
    d = rows[:, column]
    limit = _ON * np.abs(d).max()
    if d.min() >= -limit or d.max() <= limit:
        return [rows]
    after = np.roll(rows, -1, axis=0)
    new = after[:, column]
    crossing = ((d < -limit) & (new > limit)) | ((d > limit) & (new < -limit))
    share = np.where(crossing, d / np.where(crossing, d - new, 1.0), 0.0)[:, None]
    between = rows + share * (after - rows)
    halves: tuple[list[Array], list[Array]] = ([], [])
    for corner, value, crosses, point in zip(rows, d, crossing, between, strict=True):
        for half, sign in zip(halves, (1.0, -1.0), strict=True):
            if sign * value >= -limit:
                half.append(corner)
            if crosses:
                half.append(point)
    return [np.array(half) for half in halves if len(half) > 2]


def _limited(polygons: list[Array]) -> list[Array]:
    if len(polygons) > _MOST:
        raise ConfigurationError(
            f"The plane has more than {_MOST} regions. Take a smaller part of it, or linear_pieces along a "
            "segment."
        )
    return polygons


def _check_affine(network: Bends, plane: _Plane, polygons: list[Array], values: list[Array]) -> None:
    """Compare the output at every center with the mean of the corners'."""
    centers = np.array([polygon.mean(0) for polygon in polygons])
    means = np.array([value.mean(0) for value in values])
    wrong = np.abs(run(network, plane(centers))[0] - means).max(1)
    worst = int(wrong.argmax())
    if not wrong[worst] <= _STRAIGHT * max(np.abs(value).max(initial=1e-30) for value in values):
        raise ConfigurationError(
            f"The model is not piecewise linear: at {centers[worst].round(6).tolist()} of the plane its "
            f"output is {wrong[worst]:.3g} off. Other modules in it: {network.activations()}. Use "
            "geometry.curvature along segments."
        )


def _area(polygon: Array) -> float:
    x, y = polygon.T
    return 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))
