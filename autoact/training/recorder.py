"""Recorder of a training: the monitored value after every validation; ends what diverges or is pruned."""

import math
from collections.abc import Callable

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from autoact import conversion
from autoact.spaces import Assignment
from autoact.training.checkpoint import remember
from autoact.training.length import planned_steps
from autoact.training.preparation import when_built


class Recorder(Callback):
    """Keep the curve of a monitored value; end a training that has diverged, or on request.

    Args:
        monitor: Name of the value.
        prune: Takes the optimizer steps done and the value of each validation; True ends the training there,
            whatever its least length. Rank 0 decides for all.
    """

    def __init__(self, monitor: str, prune: Callable[[int, float], bool] | None = None) -> None:
        self.monitor, self.prune = monitor, prune
        self.pruned = False
        self.curve: list[float] = []
        self.steps: list[int] = []
        self._before: object = None

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remember the value from before: training steps may log it under the same name."""
        self._before = trainer.callback_metrics.get(self.monitor)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Read the value that this validation logged."""
        if trainer.sanity_checking or trainer.state.fn != TrainerFn.FITTING:
            return
        value = trainer.callback_metrics.get(self.monitor)
        if value is None or value is self._before:  # this validation logged none
            return
        self.curve.append(float(value))
        self.steps.append(trainer.global_step)
        if not math.isfinite(self.curve[-1]) and not _finite(pl_module):
            trainer.should_stop = True
        elif self.prune is not None and self._pruned(trainer, self.prune):
            self.pruned = trainer.global_step < planned_steps(trainer)
            # should_stop would wait for min_epochs and min_steps
            trainer.fit_loop.epoch_loop.max_steps = trainer.global_step

    def _pruned(self, trainer: Trainer, prune: Callable[[int, float], bool]) -> bool:
        asked = trainer.is_global_zero and bool(prune(self.steps[-1], self.curve[-1]))
        return bool(trainer.strategy.broadcast(asked))


class ShortTraining(Callback):
    """Cut a training to a fraction of its optimizer steps before its schedules ask how long it is."""

    def __init__(self, fraction: float) -> None:
        self.fraction = fraction
        self.planned_steps: float = math.inf

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Read the planned length from the Trainer and shorten it."""
        if stage != "fit":
            return
        self.planned_steps = planned_steps(trainer)
        if self.fraction >= 1:
            return
        if math.isfinite(self.planned_steps):
            trainer.fit_loop.epoch_loop.max_steps = max(1, round(self.fraction * self.planned_steps))
        elif trainer.max_epochs is not None and trainer.max_epochs > 0:
            trainer.fit_loop.max_epochs = max(1, round(self.fraction * trainer.max_epochs))


class ApplyAssignment(Callback):
    """Give a model the activations of an assignment before its optimizers are made."""

    def __init__(self, assignment: Assignment) -> None:
        self.assignment = assignment

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Apply it once; later stages find it applied."""
        if stage == "fit":
            when_built(pl_module, self._apply)

    def _apply(self, module: LightningModule) -> None:
        conversion.apply(module, self.assignment)
        remember(module)


def _finite(module: LightningModule) -> bool:
    return all(bool(torch.isfinite(parameter).all()) for parameter in module.parameters())
