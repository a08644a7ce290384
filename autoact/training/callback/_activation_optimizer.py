"""Optimizer of logits and activation parameters: apart from the user's, without weight decay."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import nn
from torch.optim import Optimizer

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
    return [layer.raw for layer in layers if isinstance(layer.raw, nn.Parameter) and layer.raw.requires_grad]


class ActivationOptimizer:
    """Adam over the logits and parameters of searched layers.

    It steps on the same gradients, at the same moments as the user's optimizer, but knows neither its
    weight decay nor its schedule nor its clipping. Parameters that the user put into groups of
    `param_groups` stay there.
    """

    def __init__(
        self,
        layers: Iterable[AutoActivation],
        optimizers: Iterable[Optimizer],
        *,
        lr: float,
        parameter_lr: float,
    ) -> None:
        chosen = list(layers)
        groups = [group for optimizer in optimizers for group in optimizer.param_groups if _is_ours(group)]
        theirs = {id(parameter) for group in groups for parameter in group["params"]}
        self._groups = [
            {"params": _without([layer.logits for layer in chosen], theirs), "lr": lr},
            {"params": _without(trained_values(chosen), theirs), "lr": parameter_lr},
        ]
        self.parameters: list[nn.Parameter] = [p for group in self._groups for p in group["params"]]  # type: ignore[attr-defined]
        self.adam = torch.optim.Adam(self._groups, weight_decay=0.0) if self.parameters else None

    def step(self, trainer: Trainer) -> None:
        """Do one step on the present gradients and forget them."""
        if self.adam is None or all(parameter.grad is None for parameter in self.parameters):
            return
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        if scaler is None:
            self.adam.step()
        else:  # fp16: the gradients are scaled; the scaler skips the step if one is infinite
            scaler.unscale_(self.adam)
            scaler.step(self.adam)
        self.adam.zero_grad(set_to_none=True)

    def detach(self) -> None:
        """Do nothing: it is attached to nothing."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state in plain types."""
        return {} if self.adam is None else {"optimizer": self.adam.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a state of `state_dict`."""
        if self.adam is not None and "optimizer" in state:
            self.adam.load_state_dict(state["optimizer"])


def take_over(optimizers: Iterable[Optimizer], layers: Iterable[AutoActivation]) -> None:
    """Take logits and activation parameters out of optimizers' groups, except out of those of `param_groups`.

    In place, because some optimizers (wrappers) hold on to the very list; before Lightning restores their
    state, so that it fits.
    """
    ours = {id(p) for layer in layers for p in (layer.logits, layer.raw)}
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            if not _is_ours(group):
                group["params"][:] = _without(group["params"], ours)


def _is_ours(group: Mapping[str, Any]) -> bool:
    """Tell whether this is one of the groups of `param_groups`."""
    return str(group.get("name", "")).startswith(PREFIX)


def _without(parameters: Iterable[nn.Parameter], excluded: set[int]) -> list[nn.Parameter]:
    return [parameter for parameter in parameters if id(parameter) not in excluded]
