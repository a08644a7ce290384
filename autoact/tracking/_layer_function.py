"""LayerFunction: what a layer computes now, over the inputs that it meets, in plain arrays."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autoact.activations import get
from autoact.nn import AutoActivation

Values = NDArray[np.float32]
_POINTS = 97
_BINS = 40
_MEMBERS = 5  # those with the most weight; the others are too small to be seen


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFunction:
    """Function of a layer at one step; the mean over channels where it has one per channel.

    Attributes:
        weights: Of the mixture, by candidate.
        edges: Of the histogram of its inputs, (B + 1,).
        density: Of its inputs between these, (B,).
        x: Points, (P,).
        y: The function there.
        slope: Its derivative there.
        start: The function that the layer began as; None for a mean of all candidates.
        members: Candidates with the most weight, with their present parameters.
        observed: Whether the histogram is measured.
    """

    weights: Mapping[str, float]
    edges: NDArray[np.float64]
    density: NDArray[np.float64]
    x: Values
    y: Values
    slope: Values
    start: Values | None
    members: Mapping[str, Values]
    observed: bool

    @classmethod
    def of(cls, layer: AutoActivation) -> "LayerFunction":
        """Look at a layer; nothing of it changes.

        Example:
            >>> found = LayerFunction.of(AutoActivation(["relu", "tanh"], start="tanh"))
            >>> found.weights, float(np.abs(found.y - found.members["tanh"]).max()) < 1e-6
            ({'relu': 0.0, 'tanh': 1.0}, True)
        """
        edges, density = histogram(layer.quantiles)
        z = torch.linspace(float(edges[0]), float(edges[-1]), _POINTS, device=layer.logits.device)
        y, slope = _with_slope(layer, z)
        shares = layer.weights().detach().float().reshape(-1, len(layer.candidates)).mean(0).tolist()
        weights = dict(zip(layer.candidates, shares, strict=True))
        return cls(
            weights=weights,
            edges=edges,
            density=density,
            x=z.cpu().numpy(),
            y=y,
            slope=slope,
            start=_start(layer, z) if layer.start in layer.candidates else None,
            members=_members(layer, weights, z),
            observed=bool(layer.observed),
        )

    def to_dict(self) -> dict[str, object]:
        """Return it for a line of JSON."""
        return {
            "low": float(self.edges[0]),
            "high": float(self.edges[-1]),
            "density": self.density.tolist() if self.observed else [],
            "y": self.y.tolist(),
            "slope": self.slope.tolist(),
            "start": None if self.start is None else self.start.tolist(),
            "members": {name: values.tolist() for name, values in self.members.items()},
        }


def histogram(quantiles: Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return edges (B + 1,) and densities (B,) of the distribution that has these quantiles.

    Example:
        >>> edges, density = histogram(torch.linspace(-1, 3, 257))
        >>> float(edges[0]), float(edges[-1]), density.round(2).tolist()[:2]
        (-1.0, 3.0, [0.25, 0.25])
    """
    nodes = quantiles.detach().double().cpu().numpy()
    low, high = float(nodes.min()), float(nodes.max())
    if high <= low:  # all inputs alike
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, _BINS + 1)
    below = np.interp(edges, nodes, np.linspace(0.0, 1.0, len(nodes)), left=0.0, right=1.0)
    return edges, np.diff(below) / np.diff(edges)


def curve(layer: AutoActivation, z: Tensor) -> Tensor:
    """Return a layer's present function at the points z, the mean over channels where it has some.

    A layer that works in place changes a copy of them.
    """
    if layer.logits.ndim == 1 and layer.raw.ndim == 1:
        return layer.forward(z[:, None].clone())[:, 0].float()
    channels = max(layer.logits.shape[0] if layer.logits.ndim == 2 else 1, layer.raw.shape[0])
    shape = [1] * max(2, layer.channel_dim + 1)
    shape[layer.channel_dim] = channels
    x = z.reshape(-1, *[1] * (len(shape) - 1)).expand(-1, *shape[1:])
    return layer.forward(x.clone(memory_format=torch.contiguous_format)).float().flatten(1).mean(1)


def _with_slope(layer: AutoActivation, z: Tensor) -> tuple[Values, Values]:
    with torch.enable_grad(), _standing_still(layer):
        points = z.detach().clone().requires_grad_()
        y = curve(layer, points)
        (slope,) = torch.autograd.grad(y.sum(), points)
    return y.detach().cpu().numpy(), slope.float().cpu().numpy()


@contextmanager
def _standing_still(layer: AutoActivation) -> Iterator[None]:
    """Keep a layer from taking this for a step of its training."""
    before, layer.managed = layer.managed, True
    try:
        yield
    finally:
        layer.managed = before


@torch.no_grad()
def _start(layer: AutoActivation, z: Tensor) -> Values:
    """Return the function that a layer had before it learned, the mean over channels where it has some."""
    settings = layer.settings.get(str(layer.start), {})
    values = {key: float(np.mean(value)) for key, value in settings.items()}
    return get(str(layer.start))(z, **values).float().cpu().numpy()


@torch.no_grad()
def _members(layer: AutoActivation, weights: Mapping[str, float], z: Tensor) -> dict[str, Values]:
    values: dict[str, dict[str, float]] = {}
    for name, value in layer.values().items():
        candidate, _, parameter = name.rpartition(".")
        values.setdefault(candidate, {})[parameter] = float(value.detach().float().mean())
    finite = [
        name for name in weights if all(map(math.isfinite, (weights[name], *values.get(name, {}).values())))
    ]
    leading = sorted(finite, key=lambda name: -abs(weights[name]))[:_MEMBERS]  # none of a layer that diverged
    return {name: get(name)(z, **values.get(name, {})).float().cpu().numpy() for name in leading}
