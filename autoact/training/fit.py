"""One silent, seeded training of a fresh model, and what came out of it."""

import gc
import math
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything

from autoact.errors import ConfigurationError
from autoact.spaces import Assignment
from autoact.training.activation_search import ActivationSearch
from autoact.training.checkpoint import save
from autoact.training.data_parts import DataParts, OpenLoaders, OpenModule, split
from autoact.training.generators import generators
from autoact.training.recorder import ApplyAssignment, Recorder, ShortTraining
from autoact.training.refining import Refining
from autoact.training.silence import plain_interrupt, restored_randomness, silence
from autoact.training.trainer_arguments import trainer_arguments

Opened = OpenLoaders | OpenModule


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one training measured, in plain values: it pickles and outlives the model.

    Attributes:
        selection: The monitored value of the trained model on the selection data; of a pruned training the
            last one.
        comparison: The same on the comparison data, None unless asked for, and None if pruned.
        steps: Optimizer steps done.
        planned_steps: Steps of a full training, infinite where nobody can know.
        seconds: Wall time of everything.
        curve: The monitored value after each validation, the last one included.
        steps_at: Optimizer steps done by each value of the curve.
        at: The same as a share of the whole training's steps; NaN where unknown.
        assignment: What a searched model derived, None for others.
        metrics: Everything logged, at the end.
        finite: Whether the result is a number.
        pruned: Whether it was ended before its last step, on request.
        mixture: What a searched model learned: "layers" with weights, margin and the distance of every
            candidate from the mixture, and "discretization", if that was asked for, with the "share" of a
            training that it took; empty for others.
    """

    selection: float
    comparison: float | None = None
    steps: int
    planned_steps: float
    seconds: float
    curve: list[float] = field(default_factory=list)
    steps_at: list[int] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    assignment: Assignment | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    finite: bool
    pruned: bool = False
    mixture: Mapping[str, Any] = field(default_factory=dict)


def train(
    make_module: Callable[[], LightningModule],
    data: DataParts | Any,
    *,
    seed: int,
    monitor: str,
    trainer: Mapping[str, Any],
    assignment: Assignment | None = None,
    space: Any = None,
    callbacks: Iterable[Callback] = (),
    limit_fraction: float = 1.0,
    prune: Callable[[int, float], bool] | None = None,
    fine_tune: float | None = None,
    comparison: bool = False,
    logger: Any = None,
    checkpoint: str | Path | None = None,
) -> Measurement:
    """Train one fresh model without a word and measure it.

    Initial weights and the order of the data depend on `seed` alone, not on the activations: two trainings
    with one seed are paired.

    Args:
        make_module: Makes the model, always from scratch.
        data: Parts from `split`, or anything that `split` takes.
        seed: Decides initial weights, data order and dropout; the caller's random state is left as it was.
        monitor: Name of a logged value, read at the end of the training.
        trainer: Arguments of `lightning.Trainer`; `max_epochs`, `max_steps` or `max_time` among them.
        assignment: Activations to give to the model; None leaves it as it is.
        space: A search space: the model is trained as a mixture over it, uniform at the start.
        callbacks: More callbacks, used as they are.
        limit_fraction: Share of the planned optimizer steps, in (0, 1]; at least one step is done. Schedules
            see a training of that length.
        prune: Called after each validation during the training with the optimizer steps done and the
            monitored value; True ends the training there, with no fine-tuning, comparison or checkpoint.
            Schedules see the whole training. It is not called once the weights are no longer numbers.
        fine_tune: Measure a mixture's discretization gap: the value of the mixture, of the derived model with
            the mixture's weights, and of that after this share of the epochs more, which also learns the
            parameters of the derived activations in place. 0 leaves out the last.
        comparison: Whether to measure on the comparison data after the training.
        logger: A Lightning logger; None logs nothing.
        checkpoint: Where to save the trained model; written whole or not at all.

    Returns:
        The measurements.

    Raises:
        ConfigurationError: The validation never logged the monitored value, or a setting is unknown or out
            of range.
    """
    if not 0 < limit_fraction <= 1:
        raise ConfigurationError(f"limit_fraction={limit_fraction} must be a share of the steps, in (0, 1].")
    start = time.perf_counter()
    run = _Run(monitor, limit_fraction, prune)
    with ExitStack() as around:
        around.enter_context(restored_randomness())
        around.enter_context(silence())
        root = around.enter_context(tempfile.TemporaryDirectory(prefix="autoact-"))
        seed_everything(seed, workers=True, verbose=False)
        opened = (data if isinstance(data, DataParts) else split(data)).open()
        module = make_module()
        seed_everything(_second_seed(seed), workers=True, verbose=False)
        changes = _changes(assignment, space)
        used = [*run.callbacks, *callbacks]
        settings = trainer_arguments(trainer, first=changes, callbacks=used, logger=logger, root=root)
        lightning = Trainer(**settings)
        with plain_interrupt():
            metrics = run.fit(lightning, module, opened, seed)
            whole = not run.recorder.pruned
            if checkpoint is not None and whole:
                save(lightning, Path(checkpoint))
            compared = run.compare(lightning, module, opened) if comparison and whole else None
            searched = next((change for change in changes if isinstance(change, ActivationSearch)), None)
            derived, learned = (searched.derived, searched.learned) if searched else (None, {})
            mixture: dict[str, Any] = {"layers": learned} if derived is not None else {}
            if fine_tune is not None and derived is not None and whole:
                refining = Refining(module, derived, space, learned)
                plain = Trainer(**trainer_arguments(trainer, root=root))  # the other one would convert again
                again = refining.trainer(trainer, fine_tune, root)
                gap = run.discretization(plain, again, module, opened)
                mixture["discretization"] = {"mixture": metrics[monitor], **gap}
                mixture["share"] = refining.share
                if math.isfinite(gap.get("fine_tuned", math.nan)):
                    derived = refining.assignment()
    del lightning, module, opened, used, changes, settings, searched
    _free_accelerator()
    return Measurement(
        selection=metrics[monitor],
        comparison=compared,
        steps=run.steps,
        planned_steps=run.short.planned_steps,
        seconds=time.perf_counter() - start,
        curve=run.recorder.curve,
        steps_at=run.recorder.steps,
        at=[_share(step, run.short.planned_steps) for step in run.recorder.steps],
        assignment=derived,
        metrics=metrics,
        finite=math.isfinite(metrics[monitor]) and (compared is None or math.isfinite(compared)),
        pruned=run.recorder.pruned,
        mixture=mixture,
    )


class _Run:
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
            for generator in generators(
                arguments.values()
            ):  # else each training would continue the one before
                generator.manual_seed(_second_seed(seed))
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


def _changes(assignment: Assignment | None, space: Any) -> list[Callback]:
    """Return the callbacks that change the model."""
    if assignment is not None and space is not None:
        raise ConfigurationError(
            "Give an assignment or a search space, not both: one fixes what the other searches."
        )
    if assignment is not None:
        return [ApplyAssignment(assignment)]
    # a fresh model has no function to keep; from a uniform start a task made of sines led to sine in both
    # layers in 3 seeds of 3, from ReLU in none
    return [ActivationSearch(space, start="uniform")] if space is not None else []


def _share(step: int, planned: float) -> float:
    return step / planned if math.isfinite(planned) else math.nan


def _second_seed(seed: int) -> int:
    """Return the seed of the training proper, so that it does not depend on what making the model drew."""
    return int(np.random.SeedSequence([seed, 1]).generate_state(1)[0])


def _scalars(trainer: Trainer) -> dict[str, float]:
    values = {name: torch.as_tensor(value) for name, value in trainer.callback_metrics.items()}
    return {name: float(value) for name, value in values.items() if value.numel() == 1}


def _free_accelerator() -> None:
    """Give the memory of a finished model back; Trainer and module refer to each other until collected."""
    if torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()
