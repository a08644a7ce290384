"""Speed of a stack, measured: what a plain training costs, divided by what one costs in a stack."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from autoact.spaces import Assignment
from autoact.training.data import DataParts
from autoact.training.fit import train
from autoact.training.stack._member import Member, NotStackable
from autoact.training.stack._stacked_training import StackedTraining
from autoact.training.stack._train_stack import trained

_STEPS = 12
_SEED = 0


class Speed(float):
    """A ratio of times, with the reason where it is 0.

    Example:
        >>> Speed(0.0, "the model optimizes manually").reason
        'the model optimizes manually'
    """

    reason: str

    def __new__(cls, ratio: float, reason: str = "") -> "Speed":
        """Make a float that bears a reason."""
        made = super().__new__(cls, ratio)
        made.reason = reason
        return made


@dataclass(slots=True)
class Seconds:
    """Seconds of the parts of a training.

    Attributes:
        steps: Of each training step.
        validations: Of each validation.
        total: Of everything.
    """

    steps: list[float] = field(default_factory=list)
    validations: list[float] = field(default_factory=list)
    total: float = 0.0

    def of_training(self, steps: float, validations: float) -> float:
        """Return the seconds of a whole training."""
        step, validation = sorted(self.steps)[len(self.steps) // 2], min(self.validations)
        before = self.total - sum(self.steps) - sum(self.validations)
        return before + steps * step + validations * validation


def stack_speed(
    make_module: Callable[[], LightningModule],
    data: DataParts,
    *,
    monitor: str,
    trainer: Mapping[str, Any],
    assignments: Sequence[Assignment | None],
    size: int,
) -> Speed:
    """Return how many times cheaper a training is in a stack, from a few steps and a validation of each way.

    Args:
        make_module: Makes the model.
        data: Parts from `split`.
        monitor: Name of a logged value.
        trainer: Arguments of `lightning.Trainer`.
        assignments: What the stack would train; they are repeated up to its size.
        size: Members of the stack.

    Returns:
        Processor time (on a GPU, time) of a plain training divided by that of one member; 0.0 where no stack
        is possible, with the `reason`.

    Example:
        >>> from autoact.training import split
        >>> from autoact.training.tasks import DigitsData, DigitsModel
        >>> same = {"monitor": "val_loss", "trainer": {"max_epochs": 5, "accelerator": "cpu"}}
        >>> stack_speed(DigitsModel, split(DigitsData), **same, assignments=[None], size=8) > 0.5
        True
    """
    short = {**trainer, "max_steps": min(_STEPS, _given(trainer, "max_steps"))}
    members = [Member(assignment=assignments[place % len(assignments)], seed=_SEED) for place in range(size)]
    stacked = Seconds()
    clock = _clock()
    start = clock()
    try:
        stack = trained(make_module, data, members, monitor=monitor, trainer=short, clock=clock)
    except NotStackable as reason:
        return Speed(0.0, str(reason))
    stacked.total = clock() - start
    stacked.steps, stacked.validations = stack.step_seconds, stack.validations.seconds
    alone = _plain_costs(make_module, data, members[-1].assignment, monitor, short, clock)
    planned, validations = _whole(stack, trainer)
    each = stacked.of_training(planned, validations) / size
    return Speed(alone.of_training(planned, validations) / each)


def _given(trainer: Mapping[str, Any], name: str) -> float:
    value = trainer.get(name)
    return math.inf if value is None or value < 0 else value


def _whole(stack: StackedTraining, trainer: Mapping[str, Any]) -> tuple[float, float]:
    """Return steps and validations of a whole training."""
    batches = stack.trainer.num_training_batches
    steps = min(_given(trainer, "max_steps"), _given(trainer, "max_epochs") * batches)
    every, between = stack.trainer.check_val_every_n_epoch, float(stack.trainer.val_check_batch or math.inf)
    if every is None:
        return steps, steps / between
    return steps, steps / batches / every * max(1, batches // between)


def _plain_costs(
    make_module: Callable[[], LightningModule],
    data: DataParts,
    assignment: Assignment | None,
    monitor: str,
    trainer: Mapping[str, Any],
    clock: Callable[[], float],
) -> Seconds:
    watch = _Stopwatch(clock)
    start = clock()
    train(
        make_module,
        data,
        seed=_SEED,
        monitor=monitor,
        trainer=trainer,
        assignment=assignment,
        callbacks=[watch],
    )
    watch.costs.total = watch.ended - start
    return watch.costs


def _clock() -> Callable[[], float]:
    """Return processor time, or on a machine with a GPU the time when it has finished."""
    return _synchronized if torch.cuda.is_available() else time.process_time


def _synchronized() -> float:
    torch.cuda.synchronize()
    return time.perf_counter()


class _Stopwatch(Callback):
    """Measure the steps and validations of a plain training."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.costs, self._clock = Seconds(), clock
        self.ended = self._step = self._validation = 0.0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin a step."""
        self._step = self._clock()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """End a step, its batch's loading included."""
        now = self._clock()
        self.costs.steps.append(now - self._step)
        self._step = now

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin a validation."""
        self._validation = self._clock()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End a validation."""
        self.ended = self._step = self._clock()
        self.costs.validations.append(self._step - self._validation)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the training; the collection of garbage that follows on a GPU is fast in a search."""
        self.ended = self._clock()
