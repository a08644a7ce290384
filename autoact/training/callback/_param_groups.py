"""Optimizer groups for users who would rather own every parameter in `configure_optimizers`."""

from collections.abc import Iterable
from typing import Any

from torch import nn

from autoact import conversion
from autoact.nn import AutoActivation

PREFIX = "autoact"


def param_groups(
    model: nn.Module, *, lr: float, weight_decay: float = 0.0, activation_lr: float | None = None
) -> list[dict[str, Any]]:
    """Return groups for any torch optimizer: logits and activation parameters without weight decay.

    Args:
        model: A converted model; one that is not gets a single group.
        lr: Learning rate of weights and biases.
        weight_decay: Weight decay of weights and biases.
        activation_lr: Learning rate of logits and activation parameters; `lr` if None.

    Returns:
        One group for the model's own parameters, and groups named `autoact.logits` and `autoact.parameters`.
        `ActivationSearch` leaves groups with these names to the optimizer that they were given to.

    Example:
        >>> import torch
        >>> import autoact
        >>> model = autoact.convert(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU()))
        >>> groups = param_groups(model, lr=0.1, weight_decay=1e-2, activation_lr=0.01)
        >>> [(group["name"], group["lr"], group["weight_decay"]) for group in groups]
        [('model', 0.1, 0.01), ('autoact.logits', 0.01, 0.0), ('autoact.parameters', 0.01, 0.0)]
    """
    layers = list(conversion.auto_layers(model).values())
    ours = {id(p) for layer in layers for p in (layer.logits, layer.raw)}
    own = [parameter for parameter in model.parameters() if id(parameter) not in ours]
    rate = lr if activation_lr is None else activation_lr
    searched = {"logits": [layer.logits for layer in layers], "parameters": trained_values(layers)}
    return [
        {"name": "model", "params": own, "lr": lr, "weight_decay": weight_decay},
        *(
            {"name": f"{PREFIX}.{kind}", "params": parameters, "lr": rate, "weight_decay": 0.0}
            for kind, parameters in searched.items()
            if parameters
        ),
    ]


def trained_values(layers: Iterable[AutoActivation]) -> list[nn.Parameter]:
    """Return the raw activation parameters of layers that have any to learn."""
    return [layer.raw for layer in layers if layer.raw.requires_grad and layer.raw.numel()]
