"""How long one optimizer step and one validation take, measured inside a short training."""

import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer


class Clock(Callback):
    """Measure a training from within; give it to `train(callbacks=[clock])`."""

    def __init__(self) -> None:
        self._steps: list[tuple[int, float]] = []
        self._validation_began = 0.0
        self.seconds_per_validation = 0.0

    @property
    def seconds_per_step(self) -> float | None:
        """Mean wall time of a step; the first one warms up and does not count where there are others."""
        if len(self._steps) < 2:
            return None
        (first, begin), (last, end) = self._steps[min(1, len(self._steps) - 2)], self._steps[-1]
        return (end - begin) / max(last - first, 1)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin."""
        self._steps = [(trainer.global_step, time.perf_counter())]

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note the time of each step; batches that only accumulate gradients count with their step."""
        if trainer.global_step > self._steps[-1][0]:
            self._steps.append((trainer.global_step, time.perf_counter()))

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin a validation."""
        self._validation_began = time.perf_counter()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End a validation."""
        self.seconds_per_validation = time.perf_counter() - self._validation_began
