"""Gradient noise of real layers, sample by sample: κ predicts it where the error is independent."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from autoact.errors import ConfigurationError

SampleLoss = Callable[[Tensor, Tensor], Tensor]


def sample_noise(model: nn.Module, loss: SampleLoss, inputs: Tensor, targets: Tensor) -> dict[str, float]:
    """Return E[g²] / E[g]² of every layer with a bias, over the gradients g of single samples.

    The gradient of a bias is what comes back to the unit's pre-activation: error times φ'(z). If the error is
    independent of z, the ratio is κ(φ) times the same ratio of the error. Summed over units above and below.

    Args:
        model: Any module whose parts torch.func can map over samples; it runs in the mode it is in.
        loss: (outputs (1, ...), targets (1, ...)) of one sample -> scalar.
        inputs: (N, ...).
        targets: (N, ...).

    Returns:
        By path of the layer; infinite where all mean gradients are 0.

    Raises:
        ConfigurationError: No layer has a bias.

    Example:
        >>> import torch
        >>> _ = torch.manual_seed(0)
        >>> model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 1))
        >>> loss = lambda y, t: (y * t).sum()  # the error is t: independent of the inputs
        >>> found = sample_noise(model, loss, torch.randn(4096, 8), 1 + torch.randn(4096, 1))
        >>> list(found), 3.5 < found["0"] < 4.5  # κ = 2, and E[t²] / E[t]² = 2
        (['0', '2'], True)
    """
    parameters = {name: value.detach() for name, value in model.named_parameters()}
    biases = {n: p for n, p in parameters.items() if n.rpartition(".")[2] == "bias" and p.dim() == 1}
    if not biases:
        raise ConfigurationError("The model has no layer with a bias, where gradients could be read off.")
    rest: dict[str, Any] = {n: p for n, p in parameters.items() if n not in biases}
    rest.update(model.named_buffers())

    def single(own: dict[str, Tensor], x: Tensor, t: Tensor) -> Tensor:
        return loss(functional_call(model, {**rest, **own}, (x[None],)), t[None])

    gradients = vmap(grad(single), in_dims=(None, 0, 0), randomness="different")(biases, inputs, targets)
    return {name.rpartition(".")[0]: _ratio(value.double()) for name, value in gradients.items()}


def _ratio(gradient: Tensor) -> float:
    """Return the ratio of (N, units)."""
    second, first = float(gradient.square().mean(0).sum()), float(gradient.mean(0).square().sum())
    return second / first if first > 0 else math.inf
