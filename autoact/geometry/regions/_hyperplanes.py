"""Hyperplanes in which a layer of neurons bends, and the side of each that an input is on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from autoact.analysis import Analyzable, linear_pieces
from autoact.errors import UnsupportedInputError

Array = npt.NDArray[np.float64]
SAME = 1e-9  # of unit normals, and of offsets relative to the largest: closer ones count once
_PARALLEL = 0.999  # of the cosine: others need no closer look
SAME_SINGLE = 1e-6  # the same for float32 and lower, whose copies differ by rounding
Numbers = torch.Tensor | npt.NDArray[Any] | Sequence[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperplanes:
    """Distinct hyperplanes normals · x + offsets = 0.

    Attributes:
        normals: Unit vectors, (H, d).
        offsets: (H,).

    Example:
        >>> from autoact.geometry import hyperplanes
        >>> found = hyperplanes([[2.0, 0.0]], [4.0])
        >>> found.normals, found.offsets
        (array([[1., 0.]]), array([2.]))
    """

    normals: Array
    offsets: Array


def read_layer(weight: Numbers, bias: Numbers | None) -> tuple[Array, Array, float]:
    """Return weight (m, d) and bias (m,) in float64, and how close two hyperplanes count as one.

    Raises:
        UnsupportedInputError: Wrong shapes, or values that are not finite.
    """
    single = isinstance(weight, torch.Tensor) and weight.dtype != torch.float64
    w = to_float64(weight)
    if w.ndim != 2:
        raise UnsupportedInputError(
            f"weight has shape {w.shape}; a layer's is (neurons, inputs), as in torch.nn.Linear. For a "
            "convolution use weight.flatten(1) and patches as inputs."
        )
    b = np.zeros(len(w)) if bias is None else to_float64(bias)
    if b.shape != (len(w),):
        raise UnsupportedInputError(
            f"bias has shape {b.shape}; weight {w.shape} needs one value per neuron: ({len(w)},)."
        )
    if not (np.isfinite(w).all() and np.isfinite(b).all()):
        raise UnsupportedInputError("weight or bias has values that are not finite.")
    return w, b, SAME_SINGLE if single else SAME


def to_float64(values: Numbers) -> Array:
    """Return numbers as a NumPy array.

    Raises:
        UnsupportedInputError: Something that is no array of real numbers.
    """
    try:
        if isinstance(values, torch.Tensor):
            if values.is_complex():
                raise TypeError("complex numbers")
            values = values.detach().cpu().double().numpy()
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UnsupportedInputError(
            f"{type(values).__name__} is no array of real numbers: {error}. Give tensors, arrays or lists of "
            "rows; of a layer its weight and its bias."
        ) from error


def hyperplanes(weight: Numbers, bias: Numbers | None, activation: Analyzable = "relu") -> Hyperplanes:
    """Return the distinct hyperplanes w · x + b = kink of a layer; neurons without weights have none.

    Args:
        weight: (neurons, inputs).
        bias: (neurons,); None: zeros.
        activation: Anything that `analysis.linear_pieces` takes.

    Returns:
        Unit normals (H, inputs) and offsets (H,) of the H distinct ones.

    Raises:
        UnsupportedInputError: Wrong shapes.
        ConfigurationError: An activation that is not piecewise linear.

    Example:
        >>> planes = hyperplanes([[2.0, 0.0], [0.0, 1.0], [1.0, 0.0]], None)
        >>> planes.normals.tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    w, b, same = read_layer(weight, bias)
    kinks = linear_pieces(activation).kinks
    length = np.linalg.norm(w, axis=1)
    there = length > 0
    normals = np.repeat(w[there] / length[there, None], len(kinks), axis=0)
    offsets = ((b[there, None] - kinks) / length[there, None]).ravel()
    return distinct(normals, offsets, same)


def activation_patterns(
    weight: Numbers, bias: Numbers | None, x: Numbers, activation: Analyzable = "relu"
) -> torch.Tensor:
    """Return which piece of the activation each neuron of a layer is on, computed in float64.

    Args:
        weight: (neurons, inputs).
        bias: (neurons,); None: zeros.
        x: Inputs (N, inputs), or one (inputs,).
        activation: Anything that `analysis.linear_pieces` takes.

    Returns:
        (N, neurons), or (neurons,) for one input. With one kink bool: True above it, for ReLU w · x + b > 0.
        Otherwise int64: the number of kinks below.

    Raises:
        UnsupportedInputError: Wrong shapes.
        ConfigurationError: An activation that is not piecewise linear.

    Example:
        >>> weight = [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]
        >>> activation_patterns(weight, None, [2.0, 3.0])
        tensor([ True, False,  True, False])
    """
    w, b, _ = read_layer(weight, bias)
    points = to_float64(x)
    if points.ndim not in (1, 2) or points.shape[-1] != w.shape[1]:
        raise UnsupportedInputError(
            f"x has shape {points.shape}; weight {w.shape} takes ({w.shape[1]},) or (N, {w.shape[1]})."
        )
    kinks = linear_pieces(activation).kinks
    above = (points @ w.T + b)[..., None] > kinks
    return torch.from_numpy(above[..., 0] if len(kinks) == 1 else above.sum(-1))


def distinct(normals: Array, offsets: Array, same: float) -> Hyperplanes:
    """Give every hyperplane the direction of its first parallel, and drop those that occur again."""
    scale = np.abs(offsets).max(initial=0.0) or 1.0
    directions, places = np.empty_like(normals), list[list[float]]()
    for normal, offset in zip(normals, offsets, strict=True):
        known = directions[: len(places)]
        cosine = known @ normal
        near = np.flatnonzero(np.abs(cosine) > _PARALLEL)
        gaps = np.abs(normal - np.sign(cosine[near, None]) * known[near]).max(1, initial=0.0)
        index = next(iter(near[gaps <= same]), None)
        if index is None:
            directions[len(places)] = normal
            places.append([offset])
        else:
            place = np.sign(cosine[index]) * offset
            if all(abs(place - other) > same * scale for other in places[index]):
                places[index].append(place)
    return Hyperplanes(
        normals=np.repeat(directions[: len(places)], [len(each) for each in places], axis=0),
        offsets=np.array([place for each in places for place in each]),
    )
