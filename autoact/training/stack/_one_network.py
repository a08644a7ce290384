"""Stack of one: an ordinary module with the steps of a stack, without `torch.vmap`."""

from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from autoact.conversion.surroundings import evaluating
from autoact.training.stack._logged_values import Logged, Stage
from autoact.training.stack._networks import StackedBatch, caught, loss_of, takes_number
from autoact.training.stack._plain_twins import Twin


class OneNetwork:
    """One network where a stack has `Networks`: its steps are those of a bare loop.

    Args:
        module: That the optimizer knows; it gets the state of the member.
        twin: The member as it begins.
    """

    size = 1

    def __init__(self, module: LightningModule, twin: Twin) -> None:
        self.shape = module
        self._numbered = {name: takes_number(module, name) for name in ("training_step", "validation_step")}
        self.parameters: dict[str, Tensor] = dict(module.named_parameters())
        begun = dict((*twin.module.named_parameters(), *twin.module.named_buffers()))
        with torch.no_grad():
            for name, tensor in self.row(0).items():
                tensor.copy_(begun[name])
        for part, own in zip(twin.module.modules(), module.modules(), strict=True):
            own.training = part.training

    def row(self, member: int) -> dict[str, Tensor]:
        """Return the state of the member; no copies."""
        named = (*self.shape.named_parameters(), *self.shape.named_buffers())
        return {name: tensor.detach() for name, tensor in named}

    def gradients(self, member: int) -> dict[str, Tensor]:
        """Return the gradients of the member."""
        return {name: p.grad for name, p in self.parameters.items() if p.grad is not None}

    def finite(self) -> Tensor:
        """Return whether it has finite parameters, (1,)."""
        return torch.stack([p.detach().isfinite().all() for p in self.parameters.values()]).all()[None]

    def training_step(self, batch: StackedBatch, number: int) -> tuple[Tensor, list[Logged]]:
        """Return the loss, (1,), with its graph, and what was logged."""
        returned, calls = self._run("training", batch, number)
        return loss_of(returned).reshape(1), calls

    @torch.no_grad()
    def validation_step(self, batch: StackedBatch, number: int, loader: int | None) -> list[Logged]:
        """Return what was logged."""
        with evaluating(self.shape):
            return self._run("validation", batch, number, *([] if loader is None else [loader]))[1]

    def _run(self, stage: Stage, batch: StackedBatch, number: int, *more: int) -> tuple[Any, list[Logged]]:
        calls, name = list[Logged](), f"{stage}_step"
        arguments = (number, *more) if self._numbered[name] else more
        with caught(self.shape, stage, calls):
            return getattr(self.shape, name)(batch.first, *arguments), calls
