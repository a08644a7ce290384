"""Segments through the input space of a network: exact straight pieces, or how often a smooth one bends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from autoact.errors import ConfigurationError, UnsupportedInputError
from autoact.geometry.regions._bends import Bends, check_point
from autoact.geometry.regions._hyperplanes import Array

_SAME_PLACE = 1e-13
_SAME_SLOPE = 1e-9  # of the steepest
_STRAIGHT = 1e-8  # of the largest output
_ROWS = 4096


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinePieces:
    """A piecewise-linear network from start (t = 0) to end (t = 1).

    Attributes:
        breakpoints: Ends of the pieces, ascending from 0 to 1, (P + 1,).
        values: Outputs there, (P + 1, O).
        crossings: Every t at which some unit changes its piece, whether the outputs bend or not.

    Example:
        >>> from torch import nn
        >>> found = linear_pieces(nn.ReLU(), [-1.0], [1.0])
        >>> len(found), found.crossings
        (2, array([0.5]))
    """

    breakpoints: Array
    values: Array
    crossings: Array

    def __len__(self) -> int:
        """Return the number of straight pieces."""
        return len(self.breakpoints) - 1

    @property
    def slopes(self) -> Array:
        """Change of the outputs per unit of t on every piece, (P, O)."""
        return np.diff(self.values, axis=0) / np.diff(self.breakpoints)[:, None]


def linear_pieces(model: nn.Module, start: Any, end: Any) -> LinePieces:
    """Return the exact straight pieces of a piecewise-linear network along a segment.

    Layer by layer in the order in which they run: between the breakpoints of earlier layers each
    pre-activation is a straight line, so it crosses a kink at a known place. The model's copy runs in float64
    and eval mode, once per layer. Understood are ReLU, leaky and parametric ReLU, hardtanh, ReLU6, hard
    sigmoid, softshrink, abs, clamp, maximum, max pooling without padding, as modules and as functions, and
    searched layers and FixedActivation whose function is piecewise linear.

    Args:
        model: Any module that maps a batch (N, ...) to outputs (N, ...).
        start: One input, without the batch dimension.
        end: Another of the same shape.

    Raises:
        UnsupportedInputError: Wrong shapes, or values that are not finite.
        ConfigurationError: A network that is not piecewise linear; says where it bends.

    Example:
        >>> from torch import nn
        >>> found = linear_pieces(nn.Sequential(nn.Hardtanh()), [-2.0], [2.0])
        >>> found.breakpoints, found.slopes.ravel()
        (array([0.  , 0.25, 0.75, 1.  ]), array([0., 4., 0.]))
    """
    network = Bends(model)
    segment = Segment.of(start, end)
    t, outputs = _all_crossings(network, segment)
    middle = 0.5 * (t[:-1] + t[1:])
    _check_straight(network, outputs, run(network, segment(middle))[0], middle)
    bends = _bends(network, segment, middle)
    kept = np.concatenate([[0], 1 + np.flatnonzero(bends), [len(t) - 1]])
    return LinePieces(breakpoints=t[kept], values=outputs[kept], crossings=t[1:-1])


class Segment(NamedTuple):
    """Inputs from first (t = 0) to last (t = 1)."""

    first: Tensor
    last: Tensor

    @classmethod
    def of(cls, start: Any, end: Any) -> Segment:
        """Return the inputs between two, checked."""
        first, last = check_point("start", start), check_point("end", end)
        if first.shape != last.shape:
            raise UnsupportedInputError(
                f"start has shape {tuple(first.shape)}, end {tuple(last.shape)}: they must be two inputs of "
                "the same shape, without the batch dimension."
            )
        return cls(first, last)

    def __call__(self, t: Array | Tensor) -> Tensor:
        """Return the inputs (T, ...) at places (T,)."""
        place = torch.as_tensor(t).view(-1, *[1] * self.first.dim())
        return self.first + place * (self.last - self.first)


@torch.no_grad()
def run(network: Bends, x: Tensor) -> tuple[Array, list[Array]]:
    """Run in parts, and join: outputs (N, O) and distances from the bends, (N, units) each."""
    parts = [network.run(part) for part in x.split(_ROWS)]
    outputs = np.concatenate([y.numpy() for y, _ in parts])
    seen = zip(*(distances for _, distances in parts), strict=True)
    return outputs, [np.concatenate([d.numpy() for d in each]) for each in seen]


def _all_crossings(network: Bends, segment: Segment) -> tuple[Array, Array]:
    """Return every place where a unit changes its piece, the ends among them, and the outputs there."""
    t, done = np.array([0.0, 1.0]), 0
    while True:
        outputs, distances = run(network, segment(t))
        found = ((k, _crossings(t, each)) for k, each in enumerate(distances) if k >= done)
        first = next(((k, new) for k, new in found if new.size), None)
        if first is None:
            return t, outputs
        done, t = first[0] + 1, _merged(t, first[1])


def _crossings(t: Array, distances: Array) -> Array:
    """Return where straight lines between neighbors pass 0."""
    before, after = distances[:-1], distances[1:]
    place, unit = np.nonzero(before * after < 0)
    part = before[place, unit] / (before[place, unit] - after[place, unit])
    return t[place] + part * (t[place + 1] - t[place])


def _merged(t: Array, new: Array) -> Array:
    """Return all places, those that rounding tells apart once; the ends stay."""
    every = np.sort(np.concatenate([t, new]))
    kept = every[np.concatenate([[True], np.diff(every) > _SAME_PLACE])]
    return np.concatenate([kept[kept < 1.0 - _SAME_PLACE], [1.0]])


def _check_straight(network: Bends, outputs: Array, between: Array, middle: Array) -> None:
    scale = np.abs(outputs).max(initial=1e-30)
    wrong = np.abs(between - 0.5 * (outputs[:-1] + outputs[1:])).max(1, initial=0.0)
    worst = int(wrong.argmax())
    if not wrong[worst] <= _STRAIGHT * scale:
        raise ConfigurationError(
            f"The model is not piecewise linear: at t = {middle[worst]:.6g} its output is {wrong[worst]:.3g} "
            f"off the straight line between its neighbors. Other modules in it: {network.activations()}. Use "
            "geometry.curvature, which counts how the slope of any network changes."
        )


def _bends(network: Bends, segment: Segment, middle: Array) -> Array:
    """Tell at which inner places the outputs' slope changes: of a fixed random combination of them."""
    slopes = []
    for part in torch.from_numpy(middle).split(_ROWS):
        t = part.clone().requires_grad_()
        y, _ = network.run(segment(t))
        mix = torch.randn(y.shape[1], generator=torch.Generator().manual_seed(0), dtype=y.dtype)
        (slope,) = torch.autograd.grad((y @ mix).sum(), t) if y.requires_grad else (torch.zeros_like(part),)
        slopes.append(slope)
    slope = torch.cat(slopes).numpy()
    return np.abs(np.diff(slope)) > _SAME_SLOPE * np.abs(slope).max(initial=0.0)
