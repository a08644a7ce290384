"""Run of one training: its fit, recorded, shortened or ended early; its validation; its comparison."""

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial, wraps
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from torch import distributed
from torchmetrics import Metric

from autoact.errors import ConfigurationError, in_one_line
from autoact.records import RowGroups
from autoact.training._compat import (
    end_after_epochs,
    end_at_step,
    loads_by_itself,
    planned_steps,
    replaced,
    steps_done,
    validate_after,
    when_built,
    without_layer_hooks,
)
from autoact.training.data import Opened, TrainerData, generators, has_groups
from autoact.training.fit._row_groups import Batches, RowWatch

_INDEXED = "/dataloader_idx_"
_ORDER = 0  # seed of shuffled comparison data: groups of rows pair where all trainings see one order


class Recorder(Callback):
    """Keep the curve of a monitored value; end a training early: by plan, on request, or as it has diverged.

    Args:
        monitor: Name of the value.
        fraction: Share of the planned optimizer steps to do.
        prune: Takes the optimizer steps done and the value of each validation; True ends the training there,
            whatever its least length. Rank 0 decides for all.
    """

    def __init__(
        self, monitor: str, fraction: float = 1.0, prune: Callable[[int, float], bool] | None = None
    ) -> None:
        self.monitor, self.fraction, self.prune = monitor, fraction, prune
        self.planned_steps = math.inf
        self.pruned = False
        self.curve: list[float] = []
        self.steps: list[int] = []
        self._last = math.inf
        self._before: object = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Read the planned length from the Trainer and shorten it, before schedules ask how long it is."""
        if stage != "fit":
            return
        if loads_by_itself(trainer):  # `setup` of the module makes what its loaders need
            when_built(pl_module, partial(self._plan, trainer))
        else:
            self._plan(trainer, pl_module)

    def _plan(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.planned_steps = planned_steps(trainer)
        if self.fraction >= 1:
            return
        epochs = trainer.max_epochs if trainer.max_epochs is not None and trainer.max_epochs > 0 else 0
        if math.isfinite(self.planned_steps):
            self._end(trainer, pl_module, max(1, round(self.fraction * self.planned_steps)))
        elif round(self.fraction * epochs) >= 1:
            end_after_epochs(trainer, round(self.fraction * epochs))
        else:
            self._end(trainer, pl_module, 1)

    def _end(self, trainer: Trainer, module: LightningModule, step: int) -> None:
        self._last = step
        validate_after(trainer, step)
        if module.automatic_optimization:  # else nobody knows yet how many steps a batch takes
            end_at_step(trainer, step)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """End a manual optimization after so many batches."""
        if steps_done(trainer) >= self._last and not pl_module.automatic_optimization:
            end_at_step(trainer, trainer.global_step)

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
        self.curve.append(_synchronized({self.monitor: float(value)})[self.monitor])
        self.steps.append(steps_done(trainer))
        if not math.isfinite(self.curve[-1]) and not all(p.isfinite().all() for p in pl_module.parameters()):
            trainer.should_stop = True
        elif self.prune is not None and self._pruned(trainer, self.prune):
            self.pruned = steps_done(trainer) < planned_steps(trainer)
            end_at_step(trainer, trainer.global_step)  # should_stop would wait for min_epochs and min_steps

    def _pruned(self, trainer: Trainer, prune: Callable[[int, float], bool]) -> bool:
        asked = trainer.is_global_zero and bool(prune(self.steps[-1], self.curve[-1]))
        return bool(trainer.strategy.broadcast(asked))


class Run:
    """A fit, its validation of the final model, and its comparison."""

    def __init__(self, monitor: str, fraction: float, prune: Callable[[int, float], bool] | None) -> None:
        self.recorder, self.monitor = Recorder(monitor, fraction, prune), monitor
        self.steps = 0

    def fit(self, trainer: Trainer, module: LightningModule, opened: Opened, seed: int) -> dict[str, float]:
        with opened.given("training", module) as arguments:
            reseed(arguments.values(), seed)
            trainer.fit(module, **arguments)
        self.steps = steps_done(trainer)
        metrics = _scalars(trainer)
        if self.recorder.steps[-1:] != [self.steps]:
            found = validated(trainer, module, opened.given("selection", module))
            self._require(found, only_trained=self.monitor in metrics)
            metrics |= found
            self.recorder.curve.append(metrics[self.monitor])
            self.recorder.steps.append(self.steps)
        return {**metrics, self.monitor: self.recorder.curve[-1]}

    def discretization(
        self, trainer: Trainer, again: Trainer | None, module: LightningModule, opened: Opened
    ) -> dict[str, float]:
        """Return the value of a model whose mixture has been replaced, before and after some epochs more."""
        gap = {"derived": validated(trainer, module, opened.given("selection", module))[self.monitor]}
        if again is not None:
            with opened.given("training", module) as arguments, without_layer_hooks(module):
                again.fit(module, **arguments)
            self.steps += steps_done(again)
            gap["fine_tuned"] = validated(again, module, opened.given("selection", module))[self.monitor]
        return gap

    def compare(
        self, trainer: Trainer, module: LightningModule, data: TrainerData
    ) -> tuple[float, RowGroups]:
        trainer.loggers = trainer.loggers[:1]  # the silent one: logged curves are of the selection data
        for part in module.modules():
            if isinstance(part, Metric):  # a best value, say, of selection data
                part.reset()
        if trainer.world_size > 1:
            value = self.among(validated(trainer, module, _comparison(data, module)))
            return value, RowGroups(
                unknown="each training has several devices, and rows are spread over them"
            )
        watch = RowWatch(module, self.monitor)
        with watch.watching():
            value = self.among(validated(trainer, module, _comparison(data, module, watch.batches)))
        return value, watch.groups(value)

    def record(self, trainer: Trainer, module: LightningModule, data: TrainerData, into: Batches) -> None:
        """Load the comparison data as `compare` does, and nothing else: nothing is computed.

        Args:
            trainer: A Trainer.
            module: Any module of its kind.
            data: The data.
            into: Gets the batches.
        """
        trainer.loggers = trainer.loggers[:1]
        step = wraps(module.validation_step)(partial(into.add))
        with replaced(module, validation_step=step):
            validated(trainer, module, _comparison(data, module, into))

    def among(self, metrics: Mapping[str, float]) -> float:
        """Return the monitored value where the loaders may be others in number than in the selection.

        Lightning adds an index to a name where there are several loaders: the value of one loader stands for
        any of several, and the mean of several for one.
        """
        name = self.monitor.partition(_INDEXED)[0]
        several = [value for key, value in metrics.items() if key.startswith(name + _INDEXED)]
        if self.monitor not in metrics and name in metrics:
            return metrics[name]
        if self.monitor not in metrics and several:
            return fmean(several)
        if self.monitor not in metrics:
            logged = ", ".join(sorted(metrics)) or "nothing"
            raise ConfigurationError(
                f"The monitor {self.monitor!r} was never logged in the comparison, which validates on other "
                f"loaders than the search; it logged: {logged}. Give as many test loaders as "
                "validation loaders."
            )
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


def reseed(data: Iterable[Any], seed: int) -> None:
    """Let random generators of loaders begin anew; else each training would continue the one before.

    Args:
        data: What `generators` takes.
        seed: Of the training.
    """
    for generator in generators(data):
        generator.manual_seed(second_seed(seed))


@contextmanager
def _comparison(
    data: TrainerData, module: LightningModule, into: Batches | None = None
) -> Iterator[dict[str, Any]]:
    """Give the comparison data; what generators of their own shuffle has one order in all trainings.

    Args:
        data: The data.
        module: That the Trainer gets.
        into: Is told whether batches are whole groups.
    """
    with data.given("comparison", module) as arguments:
        holder = arguments.get("datamodule") if arguments else module
        loaders = list(arguments.values()) if holder is None else [holder.val_dataloader()]
        own = list(generators(loaders))
        if into is not None:
            into.grouped = has_groups(loaders)
        before = [generator.get_state() for generator in own]
        for generator in own:
            generator.manual_seed(_ORDER)
        try:
            yield arguments
        finally:
            for generator, state in zip(own, before, strict=True):
                generator.set_state(state)


def validated(
    trainer: Trainer, module: LightningModule, data: AbstractContextManager[dict[str, Any]]
) -> dict[str, float]:
    """Return what a validation logs.

    Args:
        trainer: A Trainer.
        module: The module.
        data: Gives the arguments of `Trainer.validate`.
    """
    with data as arguments, without_layer_hooks(module):
        trainer.validate(module, verbose=False, **arguments)
    return _scalars(trainer)


def _scalars(trainer: Trainer) -> dict[str, float]:
    values = {name: torch.as_tensor(value) for name, value in trainer.callback_metrics.items()}
    return _synchronized({name: float(value) for name, value in values.items() if value.numel() == 1})


def _synchronized(values: dict[str, float]) -> dict[str, float]:
    """Return means over the processes of a training; each logs what it has seen, unless it synchronizes."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return values
    every: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(every, values)
    return {name: fmean(each[name] for each in every if name in each) for name in values}


def save(trainer: Trainer, path: Path) -> str | None:
    """Save a checkpoint, whole or not at all; return why it could not be saved, None if it was.

    Args:
        trainer: A Trainer that has a model.
        path: The file; its folders are made.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        trainer.save_checkpoint(partial)
        if trainer.is_global_zero:
            os.replace(partial, path)
    except Exception as error:  # a full disk, a state that does not pickle: the training is done all the same
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        return in_one_line(error)
    return None
