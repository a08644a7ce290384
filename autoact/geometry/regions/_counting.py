"""Counts of regions, exact, and one point in each."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autoact.analysis import Analyzable
from autoact.errors import ConfigurationError
from autoact.geometry.regions._hyperplanes import Array, Hyperplanes, Numbers, hyperplanes

Indices = npt.NDArray[np.intp]
Sides = npt.NDArray[np.bool_]
_EQUAL = 1e-10  # of intersections computed in float64
_PLANE_SECONDS, _LINE_SECONDS = 1e-4, 5e-6  # to count lines in a plane, on a 2-core x86-64 virtual machine
_MOST_STEPS = 10**300  # as many as a float holds
_CELL_SECONDS = 1e-4  # to find one region and its point


def count_regions(
    weight: Numbers, bias: Numbers | None = None, activation: Analyzable = "relu", *, seconds: float = 60.0
) -> int:
    """Return the exact number of regions into which a layer cuts its input space.

    Deletion and restriction: a further hyperplane adds as many regions as the others cut it into. Hyperplanes
    that occur twice count once; parallel ones, ones through a common point and neurons without weights are
    what they are.

    Args:
        weight: (neurons, inputs).
        bias: (neurons,); None: zeros.
        activation: Anything that `analysis.linear_pieces` takes: every kink gives a hyperplane per neuron.
        seconds: Longest time that the count may take, as estimated before it starts.

    Raises:
        UnsupportedInputError: Wrong shapes, or values that are not finite.
        ConfigurationError: An activation that is not piecewise linear, or too many hyperplanes: how long it
            would take, and what to use instead.

    Example:
        >>> import torch
        >>> cross = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
        >>> count_regions(cross), count_regions(cross, torch.ones(4)), count_regions(cross, None, "relu6")
        (4, 9, 16)
    """
    planes = _essential(hyperplanes(weight, bias, activation))
    count, dimensions = planes.normals.shape
    if dimensions == count:  # independent normals: every sign pattern occurs
        return 2**count
    _check_time(count, dimensions, _PLANE_SECONDS + count * _LINE_SECONDS, dimensions - 2, seconds)
    return _count(planes.normals, planes.offsets)


def _count(normals: Array, offsets: Array) -> int:
    count, dimensions = normals.shape
    if count == 0 or dimensions == 0:
        return 1
    if dimensions == 1:
        return 1 + _distinct_values(-offsets / normals[:, 0])
    if dimensions == 2:
        return _count_in_plane(normals, offsets)
    return 1 + sum(
        _count(*restricted(normals[:i], offsets[:i], normals[i], offsets[i])[:2]) for i in range(count)
    )


def _count_in_plane(normals: Array, offsets: Array) -> int:
    """Count regions between lines: each adds one, and one for every distinct point on earlier lines."""
    total = 1
    for i in range(len(normals)):
        along = np.array([-normals[i, 1], normals[i, 0]])
        speed = normals[:i] @ along
        crossing = np.abs(speed) > _EQUAL
        start = -offsets[i] * normals[i]
        total += 1 + _distinct_values(-(normals[:i] @ start + offsets[:i])[crossing] / speed[crossing])
    return total


def _distinct_values(values: Array) -> int:
    if not values.size:
        return 0
    ordered = np.sort(values)
    return 1 + int((np.diff(ordered) > _EQUAL * np.maximum(1.0, np.abs(ordered[1:]))).sum())


def restricted(
    normals: Array, offsets: Array, normal: Array, offset: float
) -> tuple[Array, Array, Array, Indices]:
    """Return what hyperplanes are within another one, distinct; the basis, origin and index of that.

    Returns:
        Unit normals (H', d - 1), offsets (H',), basis (d, d - 1) and, for every hyperplane, the row that it
        became (-1 - row where it became its negative); H' for those that are parallel to it.
    """
    basis = np.linalg.qr(np.column_stack([normal, np.eye(len(normal))]))[0][:, 1:]
    inside = normals @ basis
    length = np.linalg.norm(inside, axis=1)
    crossing = length > _EQUAL
    scaled = inside[crossing] / length[crossing, None]
    places = (offsets[crossing] - offset * (normals[crossing] @ normal)) / length[crossing]
    rows, index = _first_of_equals(scaled, places)
    which = np.full(len(normals), len(rows))
    which[crossing] = index
    return scaled[rows], places[rows], basis, which


def _first_of_equals(normals: Array, offsets: Array) -> tuple[Indices, Indices]:
    """Return the rows that occur first, and for every row which of these it is, or -1 - that if negated."""
    signs = np.where(_leading(normals) < 0, -1.0, 1.0)
    turned, places = normals * signs[:, None], offsets * signs
    close = (np.abs(turned[:, None] - turned[None]) <= _EQUAL).all(2)
    close &= np.abs(places[:, None] - places[None]) <= _EQUAL * np.maximum(1.0, np.abs(places))
    first = close.argmax(1) if len(places) else np.empty(0, dtype=int)
    kept = np.unique(first)
    index = np.searchsorted(kept, first)
    return kept, np.where(signs == signs[first], index, -1 - index)


def _leading(normals: Array) -> Array:
    """Return each row's entry at the first place that is clearly not 0: its sign orients the row."""
    at = (np.abs(normals) > 1e-6).argmax(1)
    return normals[np.arange(len(normals)), at]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """The regions of an arrangement.

    Attributes:
        signs: On which side of every hyperplane each region lies, (R, H) of bool.
        points: A point inside each, (R, d).

    Example:
        >>> from autoact.geometry import layer_cells
        >>> layer_cells([[1.0, 0.0], [0.0, 1.0]]).signs.shape
        (4, 2)
    """

    signs: Sides
    points: Array


def cells(planes: Hyperplanes, *, seconds: float = 60.0) -> Cells:
    """Return every region of an arrangement with a point inside.

    Raises:
        ConfigurationError: Too many hyperplanes: how long it would take, and what to use instead.
    """
    count, dimensions = planes.normals.shape
    _check_time(count, min(count, dimensions), _CELL_SECONDS, min(count, dimensions), seconds)
    directions = _directions(planes)
    signs, points = _cells(planes.normals @ directions.T, planes.offsets)
    return Cells(signs=signs, points=points @ directions)


def _cells(normals: Array, offsets: Array) -> tuple[Sides, Array]:
    """Add one hyperplane after the other: it splits the regions that its own regions are facets of."""
    count, dimensions = normals.shape
    signs, points = np.zeros((1, 0), dtype=bool), np.zeros((1, dimensions))
    for i in range(count):
        facets, within = _facets(normals[: i + 1], offsets[: i + 1])
        above = points @ normals[i] + offsets[i] > 0
        split = _find(signs, facets)
        step = _room(within, normals[:i], offsets[:i], normals[i])[:, None] * normals[i]
        keep = np.ones(len(signs), dtype=bool)
        keep[split] = False
        column = [above[keep], np.ones(len(split), dtype=bool), np.zeros(len(split), dtype=bool)]
        signs = np.column_stack([np.concatenate([signs[keep], facets, facets]), np.concatenate(column)])
        points = np.concatenate([points[keep], within + step, within - step])
    return signs, points


def _facets(normals: Array, offsets: Array) -> tuple[Sides, Array]:
    """Return the regions of the last hyperplane: sides of the others, and a point inside each."""
    normal, offset = normals[-1], offsets[-1]
    origin = -offset * normal
    if len(normal) == 1:
        return (normals[:-1] @ origin + offsets[:-1] > 0)[None], origin[None]
    inner, places, basis, which = restricted(normals[:-1], offsets[:-1], normal, offset)
    signs, points = _cells(inner, places)
    within = origin + points @ basis.T
    beside = (normals[:-1] @ origin + offsets[:-1] > 0)[None].repeat(len(signs), 0)
    for column, row in enumerate(which):
        if row < len(inner):
            beside[:, column] = signs[:, row] if row >= 0 else ~signs[:, -1 - row]
    return beside, within


def _find(signs: Sides, facets: Sides) -> npt.NDArray[np.intp]:
    """Return the region that each facet lies in."""
    known = {row.tobytes(): index for index, row in enumerate(np.packbits(signs, axis=1))}
    return np.array([known[row.tobytes()] for row in np.packbits(facets, axis=1)], dtype=int)


def _room(points: Array, normals: Array, offsets: Array, direction: Array) -> Array:
    """Return a step along the direction and back that crosses no other hyperplane, (P,)."""
    speed = np.abs(normals @ direction)
    distance = np.abs(points @ normals.T + offsets) / np.where(speed > 0, speed, 1.0)
    return 0.5 * np.where(speed > _EQUAL, distance, math.inf).min(1, initial=2.0)


def _essential(planes: Hyperplanes) -> Hyperplanes:
    """Leave out directions along which nothing changes: as many dimensions as the normals span."""
    return Hyperplanes(normals=planes.normals @ _directions(planes).T, offsets=planes.offsets)


def _directions(planes: Hyperplanes) -> Array:
    """Return orthonormal directions (rank, d) that the normals span."""
    _, size, directions = np.linalg.svd(planes.normals, full_matrices=False)
    rank = int((size > _EQUAL * size.max(initial=0.0)).sum())
    return np.asarray(directions[:rank])


def _check_time(count: int, dimensions: int, unit: float, depth: int, limit: float) -> None:
    steps = sum(math.comb(count, k) for k in range(max(depth, 0) + 1))
    estimate = unit * min(steps, _MOST_STEPS)
    if estimate > limit:
        raise ConfigurationError(
            f"{count} hyperplanes in {dimensions} dimensions would take about {_words(estimate)}, more than "
            f"seconds={limit:g}. Use zaslavsky_bound for the most there can be, activation_patterns on a "
            "sample for a lower bound, linear_pieces along a segment or slice_regions on a plane; or allow "
            "more seconds."
        )


def _words(seconds: float) -> str:
    for size, unit in ((86400 * 365, "years"), (86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} seconds"


def layer_cells(
    weight: Numbers, bias: Numbers | None = None, activation: Analyzable = "relu", *, seconds: float = 60.0
) -> Cells:
    """Return every region of a layer with a point inside; arguments as of `count_regions`.

    Args:
        weight: (neurons, inputs).
        bias: (neurons,); None: zeros.
        activation: Anything that `analysis.linear_pieces` takes.
        seconds: Time after which the search is given up.

    Returns:
        Sides of the hyperplanes and a point inside, region by region.

    Raises:
        UnsupportedInputError: Wrong shapes, or more regions than can be listed in the time.
        ConfigurationError: An activation that is not piecewise linear.

    Example:
        >>> layer_cells([[1.0, 0.0], [0.0, 1.0]]).points.shape
        (4, 2)
    """
    return cells(hyperplanes(weight, bias, activation), seconds=seconds)
