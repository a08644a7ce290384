"""Training of one fresh model, silent and seeded, and its measurement in plain values."""

import gc
import math
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything

from autoact import conversion
from autoact.errors import ConfigurationError
from autoact.records import RowGroups
from autoact.spaces import Assignment
from autoact.training._compat import (
    plain_interrupt,
    restored_randomness,
    silence,
    when_built,
    without_signal_handlers,
)
from autoact.training._compat_batches import whole_batches
from autoact.training._compat_hooks import quick_hooks
from autoact.training.callback import ActivationSearch, NoMixtureError
from autoact.training.checkpoints import remember
from autoact.training.data import DataParts, Opened, split
from autoact.training.fit._one_run import Run, save, second_seed
from autoact.training.fit._refining import Refining
from autoact.training.fit._trainer_arguments import trainer_arguments


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one training measured, in plain values: it pickles and outlives the model.

    Attributes:
        selection: The monitored value of the trained model on the selection data; of a pruned training the
            last one.
        comparison: The same on the comparison data, None unless asked for, and None if pruned.
        rows: The same on groups of the comparison rows; None where nobody knows.
        steps: Optimizer steps done.
        planned_steps: Steps of a full training, infinite where nobody can know.
        seconds: Wall time of everything.
        curve: The monitored value after each validation, the last one included.
        steps_at: Optimizer steps done by each value of the curve.
        assignment: What a searched model derived, None for others.
        metrics: Everything logged, at the end.
        pruned: Whether it was ended before its last step, on request.
        unsaved: Why the checkpoint could not be saved; None if it was, or was not asked for.
        mixture: What a searched model learned: "layers" with weights, margin and the distance of every
            candidate from the mixture, and "discretization", if that was asked for, with the "share" of a
            training that it took; empty for others.

    Example:
        >>> Measurement(selection=0.5, steps=100, planned_steps=100.0, seconds=2.0).finite
        True
    """

    selection: float
    comparison: float | None = None
    rows: RowGroups | None = None
    steps: int
    planned_steps: float
    seconds: float
    curve: list[float] = field(default_factory=list)
    steps_at: list[int] = field(default_factory=list)
    assignment: Assignment | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    pruned: bool = False
    unsaved: str | None = None
    mixture: Mapping[str, Any] = field(default_factory=dict)

    @property
    def at(self) -> list[float]:
        """Shares of the whole training's steps done by each value of the curve; NaN where unknown."""
        known = math.isfinite(self.planned_steps)
        return [step / self.planned_steps if known else math.nan for step in self.steps_at]

    @property
    def finite(self) -> bool:
        """Whether the result is a number, on the comparison data, too, where it was measured there."""
        return math.isfinite(self.selection) and (self.comparison is None or math.isfinite(self.comparison))


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
        data: Parts from `split`, or anything that `split` takes; None: the module's own loaders.
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
        checkpoint: Where to save the trained model; written whole or not at all. That it cannot be saved is
            told in `Measurement.unsaved` and ends no training.

    Returns:
        The measurements.

    Raises:
        ConfigurationError: The validation never logged the monitored value, or a setting is unknown or out
            of range.
        NoMixtureError: No mixture can be trained this way, fixed activations can.

    Example:
        >>> from autoact.training.tasks import DigitsData, DigitsModel
        >>> length = {"max_epochs": 2, "accelerator": "cpu"}
        >>> found = train(
        ...     DigitsModel, DigitsData, seed=1, monitor="val_loss", trainer=length, limit_fraction=0.1
        ... )
        >>> found.steps, found.planned_steps, found.at == [3 / 34]
        (3, 34.0, True)
    """
    if not 0 < limit_fraction <= 1:
        raise ConfigurationError(f"limit_fraction={limit_fraction} must be a share of the steps, in (0, 1].")
    start, changes = time.perf_counter(), _changes(assignment, space)
    run = Run(monitor, limit_fraction, prune)
    unsaved, compared, rows = None, None, None
    with _unnoticed() as root:
        seed_everything(seed, workers=True, verbose=False)
        opened = (data if isinstance(data, DataParts) else split(data, model=make_module)).open()
        module = make_module()
        _check_mixture(module, space)
        seed_everything(second_seed(seed), workers=True, verbose=False)
        used = [run.recorder, *callbacks]
        settings = trainer_arguments(trainer, first=changes, callbacks=used, logger=logger, root=root)
        lightning = Trainer(**settings)
        with plain_interrupt():
            metrics = run.fit(lightning, module, opened, seed)
            whole = not run.recorder.pruned
            if whole and checkpoint is not None:
                unsaved = save(lightning, Path(checkpoint))
            if whole and comparison:
                compared, rows = run.compare(lightning, module, opened)
            derived, mixture = _derived(changes)
            if whole and fine_tune is not None and derived is not None:
                refining = Refining(module, derived, space, mixture["layers"])
                derived, gap = _refined(refining, run, module, opened, trainer, fine_tune, root)
                mixture |= {"discretization": {"mixture": metrics[monitor], **gap}, "share": refining.share}
                del refining
    del lightning, module, opened, used, changes, settings
    if torch.cuda.is_initialized():  # Trainer and module refer to each other until collected
        gc.collect()
        torch.cuda.empty_cache()
    return Measurement(
        selection=metrics[monitor],
        comparison=compared,
        rows=rows,
        steps=run.steps,
        planned_steps=run.recorder.planned_steps,
        seconds=time.perf_counter() - start,
        curve=run.recorder.curve,
        steps_at=run.recorder.steps,
        assignment=derived,
        metrics=metrics,
        pruned=run.recorder.pruned,
        unsaved=unsaved,
        mixture=mixture,
    )


@contextmanager
def _unnoticed() -> Iterator[str]:
    """Give a training a folder; outside, neither its random numbers nor what it says are noticed."""
    with (
        restored_randomness(),
        silence(),
        without_signal_handlers(),
        whole_batches(),
        quick_hooks(),
        tempfile.TemporaryDirectory(prefix="autoact-") as root,
    ):
        yield root


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


def _check_mixture(module: LightningModule, space: Any) -> None:
    if space is not None and not module.automatic_optimization:
        raise NoMixtureError(
            f"{type(module).__name__} optimizes manually: no single loss says what a mixture should learn",
            "compare fixed activations, or use ActivationSearch in a training of your own.",
        )


def _derived(changes: Iterable[Callback]) -> tuple[Assignment | None, dict[str, Any]]:
    """Return what a searched model derived, and what its mixture learned."""
    for change in changes:
        if isinstance(change, ActivationSearch) and change.derived is not None:
            return change.derived, {"layers": change.learned}
    return None, {}


def _refined(
    refining: Refining,
    run: Run,
    module: LightningModule,
    opened: Opened,
    trainer: Mapping[str, Any],
    share: float,
    root: str,
) -> tuple[Assignment, dict[str, float]]:
    """Return the assignment of a derived model that was tuned, and its values before and after."""
    plain = Trainer(**trainer_arguments(trainer, root=root))  # the other one would convert again
    gap = run.discretization(plain, refining.trainer(trainer, share, root), module, opened)
    tuned = math.isfinite(gap.get("fine_tuned", math.nan))
    return refining.assignment() if tuned else refining.given, gap


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
