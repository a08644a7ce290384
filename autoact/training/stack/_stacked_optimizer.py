"""Optimizer of a stack: the user's own, its groups filled with the parameters of all networks."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor
from torch.optim import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    NAdam,
    Optimizer,
    RAdam,
    RMSprop,
    lr_scheduler,
)

from autoact.training.stack._member import NotStackable

_FUSED = (Adam, AdamW, SGD)  # have a kernel that reads each number of a parameter once
ELEMENTWISE = (SGD, Adadelta, Adagrad, Adam, AdamW, Adamax, NAdam, RAdam, RMSprop)


def check_optimizer(trainer: Trainer) -> None:
    """Refuse optimizers and schedules that do not treat every number of the parameters by itself.

    Args:
        trainer: That has made them.

    Raises:
        NotStackable: Says what is not on the list.
    """
    if len(trainer.optimizers) != 1:
        raise NotStackable(f"the model has {len(trainer.optimizers)} optimizers")
    kind = type(trainer.optimizers[0])
    if kind not in ELEMENTWISE:
        raise NotStackable(f"the optimizer {kind.__name__} is not known to work on each number by itself")
    for config in trainer.lr_scheduler_configs:
        schedule = type(config.scheduler)
        if schedule.__module__ != lr_scheduler.__name__ or config.reduce_on_plateau:
            raise NotStackable(f"the schedule {schedule.__name__} may depend on more than steps and epochs")


def fused_of(optimizer: Optimizer) -> list[Any]:
    """Return for each group whether its steps are fused, as the user has it."""
    return [group.get("fused") for group in optimizer.param_groups]


def fill(
    optimizer: Optimizer, module: LightningModule, parameters: Mapping[str, Tensor], places: Sequence[str]
) -> None:
    """Put the parameters of a stack where those of one module are, in place.

    Args:
        optimizer: Of the module, before its first step.
        module: The module.
        parameters: Of the stack, by name.
        places: Paths of layers whose activations differ: all slopes there follow that of the module.

    Raises:
        NotStackable: The optimizer has parameters that the module or the stack lacks.
    """
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    for group in optimizer.param_groups:
        filled = list[Tensor]()
        for parameter in group["params"]:
            found = _counterparts(names.get(id(parameter), ""), parameters, places)
            for tensor in found:
                _begin(optimizer, parameter, tensor)
            if all(tensor is not parameter for tensor in found):
                optimizer.state.pop(parameter, None)
            filled += found
        group["params"] = filled
        if type(optimizer) in _FUSED and _is_plain(group):
            group["fused"] = True


def _is_plain(group: Mapping[str, Any]) -> bool:
    """Tell whether the user leaves it to torch how a step is computed, and torch would take the slow way."""
    asked = any(group.get(name) for name in ("foreach", "fused", "differentiable", "capturable"))
    numbers = [group["lr"], *group["params"]]
    tensors = [each for each in numbers if isinstance(each, Tensor)]
    return not asked and all(t.device.type == "cpu" and t.is_floating_point() for t in tensors)


def _counterparts(name: str, parameters: Mapping[str, Tensor], places: Sequence[str]) -> list[Tensor]:
    path = name.rpartition(".")[0]
    if path in places:
        found = [tensor for own, tensor in parameters.items() if own.rpartition(".")[0] == path]
    else:
        found = [parameters[name]] if name in parameters else []
    if not found:
        raise NotStackable(f"the optimizer has a parameter that the model lacks ({name or 'without a name'})")
    return found


def _begin(optimizer: Optimizer, parameter: Tensor, tensor: Tensor) -> None:
    """Give a stacked parameter the state that an optimizer has made already for a plain one."""
    state = optimizer.state.get(parameter)
    if state and tensor is not parameter:
        optimizer.state[tensor] = {key: _for_all(value, parameter, tensor) for key, value in state.items()}


def _for_all(value: Any, parameter: Tensor, tensor: Tensor) -> Any:
    if not isinstance(value, Tensor):
        return value
    return value.expand(tensor.shape).clone() if value.shape == parameter.shape else value.clone()


def clip(optimizer: Optimizer, limit: float, by: Literal["norm", "value"], size: int) -> None:
    """Clip the gradients of every network by itself, as Lightning does those of one.

    Args:
        optimizer: With the parameters of a stack.
        limit: Largest norm of a network's gradient, or largest value in it.
        by: Which of them.
        size: Number of networks; the parameters of a single one are its own.
    """
    trained = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    if by == "value":
        torch.nn.utils.clip_grad_value_(trained, limit)
        return
    if size == 1:
        torch.nn.utils.clip_grad_norm_(trained, limit)
        return
    gradients = [parameter.grad for parameter in trained if parameter.grad is not None]
    norms = [gradient.flatten(1).norm(dim=1) for gradient in gradients]
    factor = (limit / (torch.stack(norms).norm(dim=0) + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(factor.view(-1, *[1] * (gradient.dim() - 1)))


def step_schedules(trainer: Trainer, interval: Literal["step", "epoch"], number: int) -> int:
    """Do what Lightning does with schedules after a batch or an epoch; return how many were stepped.

    Args:
        trainer: With the schedules.
        interval: Which of them.
        number: Of the batch in its epoch, or of the epoch, from 0.
    """
    due = [
        config.scheduler
        for config in trainer.lr_scheduler_configs
        if config.interval == interval and (number + 1) % config.frequency == 0
    ]
    for schedule in due:
        schedule.step()
    return len(due)
