"""How gradients pass a searched layer during training: κ, χ and dead units under measured pre-activations."""

from typing import Any

import torch
from torch import Tensor

from autoact.nn import AutoActivation

_SAMPLE = 65_536  # pre-activations per look: 1-2 ms on one core for eight candidates
_DEAD = 1e-6  # a slope that float32 gradients cannot be told from zero
_WINDOW = 10  # looks after which a unit may revive
_WEIGHT_INPUT = {"AddmmBackward0": 2, "MmBackward0": 1, "ConvolutionBackward0": 1}


class FlowMeter:
    """Watch one layer over a window of batches."""

    def __init__(self) -> None:
        self._looks = 0
        self._steepest: Tensor | None = None
        self.kappa: Tensor | None = None
        self.chi: Tensor | None = None

    def see(self, layer: AutoActivation, x: Tensor) -> None:
        """Measure the slope of the layer's present function where this batch falls."""
        if not x.numel():
            return
        slope = slopes(layer, _first_rows(x.detach()))
        second = slope.square().mean()
        self.kappa = second / slope.mean().square()
        self.chi = second * weight_scale(x)
        steepest = slope.abs().movedim(_unit_dim(slope), 0).flatten(1).amax(1)
        if self._looks % _WINDOW == 0 or self._steepest is None or self._steepest.shape != steepest.shape:
            self._steepest = steepest
        else:
            self._steepest = torch.maximum(self._steepest, steepest)
        self._looks += 1

    @property
    def dead(self) -> Tensor | None:
        """The share of units without gradient in the present window."""
        return None if self._steepest is None else (self._steepest <= _DEAD).float().mean()


def slopes(layer: AutoActivation, x: Tensor) -> Tensor:
    """Return the derivative of a layer's present function at x, elementwise."""
    with torch.enable_grad():
        z = x.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(layer.forward(z).sum(), z)
    return slope.float()


def weight_scale(x: Tensor) -> Tensor | float:
    """Return σ_w² = fan_in * mean(w²) of the linear or convolution layer that made x; 1.0 for other makers.

    >>> import torch
    >>> layer = torch.nn.Linear(4, 8, bias=False)
    >>> _ = torch.nn.init.constant_(layer.weight, 0.5)
    >>> float(weight_scale(layer(torch.ones(2, 4))))
    1.0
    """
    weight = _feeding_weight(x)
    if weight is None:
        return 1.0
    return weight.detach().float().square().mean() * (weight.numel() // weight.shape[0])


def _feeding_weight(x: Tensor) -> Tensor | None:
    node: Any = x.grad_fn
    for _ in range(3):  # a linear layer on (batch, time, features) is a matrix product between two views
        if node is None or node.name() in _WEIGHT_INPUT or len(node.next_functions) != 1:
            break
        node = node.next_functions[0][0]
    if node is None or node.name() not in _WEIGHT_INPUT:
        return None
    source: Any = node.next_functions[_WEIGHT_INPUT[node.name()]][0]
    if source is not None and source.name() in ("TBackward0", "ToCopyBackward0"):
        source = source.next_functions[0][0]
    variable = getattr(source, "variable", None)
    return variable if isinstance(variable, Tensor) else None


def _unit_dim(x: Tensor) -> int:
    """Return the dimension of units: channels of images, features of vectors and of sequences."""
    return 1 if x.ndim in (4, 5) else x.ndim - 1


def _first_rows(x: Tensor) -> Tensor:
    rows = max(1, _SAMPLE * x.shape[0] // x.numel()) if x.ndim > 1 else _SAMPLE
    return x[:rows]
