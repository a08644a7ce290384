"""A searched layer on a CPU without a chain of small tensors between its logits and the kernel.

In a training step, each of the forty calls of torch that make weights and parameter values of logits and
raw numbers, and their gradients, finds cold caches: 0.6 ms a layer. A dozen numbers are computed in Python
instead.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from autoact.activations import Parameter
from autoact.kernels import compiled, mixture, plan_for
from autoact.kernels.operator import direct_forward, is_direct
from autoact.nn import relaxations
from autoact.nn.ranges import natural

if TYPE_CHECKING:
    from autoact.nn.auto import AutoActivation


_NUMBERS: Any = {"dtype": torch.float32, "device": "cpu"}  # whatever the default device is


def applies(layer: AutoActivation, x: Tensor) -> bool:
    """Tell whether a layer's forward is a plain CPU computation with one softmax for all channels."""
    if torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None:
        return False
    if layer.relaxation.kind != "softmax" or layer.scale is not None:
        return False
    logits, raw = layer.logits, layer.raw
    return (
        logits.dim() == raw.dim() == layer.initial.dim() == 1
        and is_direct(x, logits, raw, layer.temperature)
        and logits.device.type == "cpu"
        and compiled.kernels_for(plan_for(layer.candidates), x) is not None
        and all(math.isinf(p.upper) or not p.learnable for p in layer.ranges)
    )


def computed(layer: AutoActivation, x: Tensor) -> Tensor:
    """Return the mixture; like `mixture(x, layer.weights(), ...)` up to the last bit of the weights."""
    result: Tensor = LayerMixture.apply(x, layer.logits, layer.raw, layer)
    return result


class LayerMixture(torch.autograd.Function):
    """The mixture as a function of x, logits and raw numbers; keeps x and nothing of its size besides."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, logits: Tensor, raw: Tensor, layer: AutoActivation) -> Tensor:
        """Compute weights and values as numbers, and run the kernel."""
        temperature, release = layer.temperature.item(), layer.release.item()
        shares = softmax([z / temperature for z in logits.tolist()])
        pairs = zip(layer.anchor.tolist(), shares, strict=True)
        weights = torch.tensor([(1 - release) * e + release * p for e, p in pairs], **_NUMBERS)
        moved = [
            value(r, start, parameter)
            for r, start, parameter in zip(raw.tolist(), layer.initial.tolist(), layer.ranges, strict=True)
        ]
        values = torch.tensor([v for v, _ in moved], **_NUMBERS)
        ctx.save_for_backward(x, logits, raw, weights, values)
        ctx.layer, ctx.speeds = layer, [speed for _, speed in moved]
        ctx.slopes = [p / temperature for p in shares]
        return direct_forward(plan_for(layer.candidates), x, weights, values, layer.channel_dim)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        """Run the kernel and two chain rules; differentiate the layer's formula when asked for more."""
        x, logits, raw, weights, values = ctx.saved_tensors
        layer, grad = ctx.layer, grads[0]
        if torch.is_grad_enabled() or not is_direct(grad):
            return (*_by_formula(layer, (x, logits, raw), grad), None)
        kernels = compiled.kernels_for(plan_for(layer.candidates), x)
        assert kernels is not None
        grad_x, grad_w, grad_v = compiled.backward(kernels, x, weights, values, grad, layer.channel_dim)
        slopes, pulls = ctx.slopes, grad_w.tolist()
        mean = sum(s * g for s, g in zip(slopes, pulls, strict=True)) / sum(slopes)
        grad_z = logits.new_tensor([s * (g - mean) for s, g in zip(slopes, pulls, strict=True)])
        grad_r = raw.new_tensor([s * g for s, g in zip(ctx.speeds, grad_v.tolist(), strict=True)])
        return grad_x, grad_z, grad_r, None


def _by_formula(layer: AutoActivation, inputs: tuple[Tensor, ...], grad: Tensor) -> list[Tensor | None]:
    """Return gradients that can be differentiated again."""
    x, logits, raw = inputs
    needed = [t for t in inputs if t.requires_grad]
    graph = torch.is_grad_enabled()
    with torch.enable_grad():
        w = relaxations.anchored(logits, layer.temperature, layer.release, layer.anchor, relaxations.softmax)
        values = natural(raw.to(layer.initial.dtype), layer.initial, layer.ranges)
        y = mixture(x, w, layer.candidates, values, channel_dim=layer.channel_dim)
        found = iter(torch.autograd.grad(y, needed, grad, create_graph=graph, allow_unused=True))
    return [next(found) if t.requires_grad else None for t in inputs]


def softmax(logits: list[float]) -> list[float]:
    """Return the softmax of numbers.

    Example:
        >>> softmax([1.0, 1.0])
        [0.5, 0.5]
    """
    top = max(logits)
    powers = [math.exp(z - top) for z in logits]
    total = sum(powers)
    return [power / total for power in powers]


def value(raw: float, initial: float, parameter: Parameter) -> tuple[float, float]:
    """Return a parameter's value in natural units and its derivative in `raw`; the formulas of `natural`.

    Args:
        raw: Any number.
        initial: Value at raw = 0.
        parameter: Without an upper bound, if it is learnable.

    Example:
        >>> value(0.0, 1.0, Parameter(default=1.0, lower=0.0))
        (1.0, 0.5)
    """
    if not parameter.learnable:
        return initial, 0.0
    if math.isinf(parameter.lower):
        return initial + raw, 1.0
    span = initial - parameter.lower or 1.0
    if raw > 60:
        return initial + span * (raw - 1), span
    power = math.exp2(raw)
    moved = initial + span * (math.log2(1 + power) - 1)
    return max(moved, parameter.lower), span * power / (1 + power) if moved >= parameter.lower else 0.0
