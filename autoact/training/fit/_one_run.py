"""Run of one training: its fit, the validation of the final model, and its comparison."""

from collections.abc import Callable

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from autoact.errors import ConfigurationError
from autoact.training.data import OpenLoaders, OpenModule, generators
from autoact.training.fit._recorder import Recorder
from autoact.training.fit._shortening import ShortTraining

Opened = OpenLoaders | OpenModule


class Run:
    """A fit, its validation of the final model, and its comparison."""

    def __init__(self, monitor: str, fraction: float, prune: Callable[[int, float], bool] | None) -> None:
        self.recorder, self.short = Recorder(monitor, prune), ShortTraining(fraction)
        self.monitor = monitor
        self.steps = 0

    @property
    def callbacks(self) -> list[Callback]:
        return [self.recorder, self.short]

    def fit(self, trainer: Trainer, module: LightningModule, opened: Opened, seed: int) -> dict[str, float]:
        with opened.fitting() as arguments:
            for generator in generators(arguments.values()):
                generator.manual_seed(second_seed(seed))  # else each training would continue the one before
            trainer.fit(module, **arguments)
        self.steps = trainer.global_step
        metrics = _scalars(trainer)
        if self.recorder.steps[-1:] != [trainer.global_step]:
            with opened.selecting() as arguments:
                trainer.validate(module, verbose=False, **arguments)
            validated = _scalars(trainer)
            self._require(validated, only_trained=self.monitor in metrics)
            metrics |= validated
            self.recorder.curve.append(metrics[self.monitor])
            self.recorder.steps.append(trainer.global_step)
        return {**metrics, self.monitor: self.recorder.curve[-1]}

    def discretization(
        self, trainer: Trainer, again: Trainer | None, module: LightningModule, opened: Opened
    ) -> dict[str, float]:
        """Return the value of a model whose mixture has been replaced, before and after some epochs more."""
        gap = {"derived": self._value(trainer, module, opened)}
        if again is not None:
            with opened.fitting() as arguments:
                again.fit(module, **arguments)
            self.steps += again.global_step
            gap["fine_tuned"] = self._value(again, module, opened)
        return gap

    def _value(self, trainer: Trainer, module: LightningModule, opened: Opened) -> float:
        with opened.selecting() as arguments:
            trainer.validate(module, verbose=False, **arguments)
        return _scalars(trainer)[self.monitor]

    def compare(self, trainer: Trainer, module: LightningModule, opened: Opened) -> float:
        trainer.loggers = []  # the logged curves are of the selection data
        with opened.comparing() as arguments:
            trainer.validate(module, verbose=False, **arguments)
        metrics = _scalars(trainer)
        self._require(metrics)
        return metrics[self.monitor]

    def _require(self, metrics: dict[str, float], *, only_trained: bool = False) -> None:
        if self.monitor not in metrics:
            logged = ", ".join(sorted(metrics)) or "nothing"
            where = "by the validation, only by the training" if only_trained else "by the validation"
            raise ConfigurationError(
                f"The monitor {self.monitor!r} was never logged {where}; the validation logged: {logged}. "
                f"Name one of these, or call self.log({self.monitor!r}, ...) in validation_step."
            )


def second_seed(seed: int) -> int:
    """Return the seed of the training proper, so that it does not depend on what making the model drew."""
    return int(np.random.SeedSequence([seed, 1]).generate_state(1)[0])


def _scalars(trainer: Trainer) -> dict[str, float]:
    values = {name: torch.as_tensor(value) for name, value in trainer.callback_metrics.items()}
    return {name: float(value) for name, value in values.items() if value.numel() == 1}
