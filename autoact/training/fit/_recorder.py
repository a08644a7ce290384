"""Recorder of a training: the monitored value after every validation; ends what diverges or is pruned."""

import math
from collections.abc import Callable

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from autoact.training._compat import end_at_step
from autoact.training.callback import planned_steps


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
            end_at_step(trainer, trainer.global_step)  # should_stop would wait for min_epochs and min_steps

    def _pruned(self, trainer: Trainer, prune: Callable[[int, float], bool]) -> bool:
        asked = trainer.is_global_zero and bool(prune(self.steps[-1], self.curve[-1]))
        return bool(trainer.strategy.broadcast(asked))


def _finite(module: LightningModule) -> bool:
    return all(bool(torch.isfinite(parameter).all()) for parameter in module.parameters())
