"""Shortening of a training to a fraction of its steps."""

import math

from lightning.pytorch import Callback, LightningModule, Trainer

from autoact.training._compat import end_after_epochs, end_at_step
from autoact.training.callback import planned_steps


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
            end_at_step(trainer, max(1, round(self.fraction * self.planned_steps)))
        elif trainer.max_epochs is not None and trainer.max_epochs > 0:
            end_after_epochs(trainer, max(1, round(self.fraction * trainer.max_epochs)))
