"""Probe: model and mixture are trained for a few steps, so that what would fail later fails now."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from tempfile import TemporaryDirectory
from typing import Any

from autoact.errors import OF_USERS, AutoActError, SearchFailedError
from autoact.records import Training
from autoact.search.phases._independence import (
    require_no_history,
    require_seeded,
    tell_of_memory,
    tell_of_no_optimizer,
)
from autoact.search.trainings import ModelTask, ObjectiveTask, raised
from autoact.spaces import LayerRule, SearchSpace
from autoact.training import DoubtfulBatch, Measurement, NoMixtureError, train
from autoact.training.fit import (
    Beginnings,
    Clock,
    KeptModule,
    ReachedLayers,
    ShortValidations,
    event_log,
    require_finite,
)

_PROBED = 0.02  # fraction of a full training that is asked of a function
_STEPS = 20  # enough for a mean step time, and at most 2 % of one training
_SHARE = 0.02
_AS_IT_IS = "The model cannot be trained, not even for a few steps"
_CHANGED = "As it is the model trains; with searched activations it does not"


@dataclass(frozen=True, slots=True)
class Probe:
    """What a few steps showed.

    Attributes:
        training: The steps, for the ledger: they are part of the search's cost.
        planned_steps: Optimizer steps of one full training; infinite or NaN where nobody can know.
        seconds: Estimated wall time of one full training, from its setting up; NaN where it cannot be
            estimated.
        idle: Paths of layers that ran neither in the training step nor in the validation.
        no_mixture: Why no mixture can be trained; "" where one can.
        unsaid: What else ran and is left alone, with the reason, by path.
    """

    training: Training
    planned_steps: float
    seconds: float
    idle: tuple[str, ...] = ()
    no_mixture: str = ""
    unsaid: Mapping[str, str] = field(default_factory=dict)


def keeping(space: SearchSpace, paths: Sequence[str]) -> SearchSpace:
    """Return a space that leaves some layers alone.

    Args:
        space: A search space.
        paths: Of the layers.
    """
    kept = tuple(LayerRule(match=path, keep=True) for path in paths)
    rules = (rule for rule in space.layers if not any(each.covers(rule) for each in kept))
    return replace(space, layers=(*kept, *rules))


def probe(
    task: ModelTask | ObjectiveTask,
    seed: int,
    name: str = "The model",
    doubtful: Sequence[DoubtfulBatch] = (),
) -> Probe:
    """Train the original for one step, then for a few; for one the mixture and what could be chosen instead.

    The few steps are done twice, which should end alike. All are validated, the first one as in the
    confirmation, on selection data. Where batches are doubtful,
    the original is tried on these first; what its loss leaves out is told in a warning.

    Args:
        task: The model and its data, or a function, which is called once with a small fraction.
        seed: Of the trainings.
        name: What the model is called.
        doubtful: Batches with values that are no numbers.

    Raises:
        DataError: The model's loss, gradients or validated value are then no numbers either.
        AutoActError: The monitor is never logged, the Trainer does not take its arguments, or a function
            returns no number.
        SearchFailedError: The user's own model, data or function raised, as it is or with other activations.
    """
    try:
        if not isinstance(task, ModelTask):
            return _probe_objective(task, seed)
        require_finite(task.make_module, task.parts, doubtful, task.trainer, seed)
        return _probe_model(task, seed, name, doubtful)
    except AutoActError:
        raise
    except OF_USERS as error:
        model = isinstance(task, ModelTask)
        what = _AS_IT_IS if model else "The objective raised on the original activations"
        raise SearchFailedError(raised(what, error)) from error


def rehearse(task: ModelTask) -> None:
    """Train the original for one step and validate it; of what is raised, only a monitor matters here.

    Args:
        task: The model and its data.

    Raises:
        ConfigurationError: The monitor is never logged.
    """
    try:
        _train(replace(task, parts=task.parts.rehearsal()), 0, fraction=1e-9)
    except AutoActError:
        raise
    except OF_USERS:  # the search will say it
        return


def _probe_objective(task: ObjectiveTask, seed: int) -> Probe:
    found = task.call(task.original, seed, _PROBED, comparison=False)
    return Probe(_entry([found], seed), math.nan, math.nan)


def _probe_model(task: ModelTask, seed: int, name: str, doubtful: Sequence[DoubtfulBatch]) -> Probe:
    clock, reached = Clock(), ReachedLayers(task.space)
    begun, kept = Beginnings(), KeptModule()
    rehearsed = replace(task, parts=task.parts.rehearsal())
    watched = begun.watched(task.make_module)
    try:
        first = _train(
            replace(rehearsed, make_module=watched),
            seed,
            fraction=1e-9,
            callbacks=[clock, reached, begun],
            comparison=True,
        )
    except AutoActError:
        raise
    except OF_USERS as error:
        _train(rehearsed, seed, fraction=1e-9, comparison=True)  # without probes in place of activations
        raise SearchFailedError(raised(_CHANGED, error)) from error
    _tell(doubtful, task.monitor, first.selection)
    steps = min(_STEPS, _SHARE * first.planned_steps)
    few = max(steps, 2) / first.planned_steps
    second = _train(
        replace(task, make_module=watched), seed + 1, fraction=few, callbacks=[clock, begun, kept]
    )
    require_seeded(name, begun)
    if not kept.steppable:
        tell_of_no_optimizer(name)
    if kept.module is not None and second.finite:
        more = (kept.module, task.build, task.parts, task.monitor, task.trainer)
        require_no_history(name, task.monitor, ShortValidations(*more))
    again = _train(task, seed + 1, fraction=few)
    tell_of_memory(name, task.monitor, second.selection, again.selection)
    measured, no_mixture = [first, second, again], ""
    if second.finite and reached.some:  # a mixture of what diverges from the start derives nothing
        changed, no_mixture = _changed(task, seed, reached, math.isfinite(first.planned_steps))
        measured += changed
    setup = _setup(clock, [first, second])
    seconds = _seconds(clock, setup, first.planned_steps, task.trainer)
    done, planned = _entry(measured, seed), first.planned_steps
    return Probe(done, planned, seconds, reached.idle, no_mixture, reached.unsaid)


def _tell(doubtful: Sequence[DoubtfulBatch], monitor: str, value: float) -> None:
    """Warn of values that are no numbers and are left out; refuse those that make the validation's value one.

    The training data have been tried.
    """
    if not doubtful:
        return
    for batch in doubtful:
        if batch.part == "selection" and not math.isfinite(value):
            raise batch.refused(f"{monitor} is {value} in the validation")
    parts = [[batch for batch in doubtful if batch.part == part] for part in ("training", "selection")]
    said = " ".join(f"{found[0]}{_more(len(found) - 1)}." for found in parts if found)
    tried = (["loss and gradients"] if parts[0] else []) + ([monitor] if parts[1] else [])
    warnings.warn(
        f"{said} Still finite with them: {', '.join(tried)}. The search leaves them in, and the "
        "model decides what they count.",
        UserWarning,
        stacklevel=2,
    )


def _more(batches: int) -> str:
    return f", and others in {batches} more batch{'es' if batches > 1 else ''}" if batches else ""


def _changed(
    task: ModelTask, seed: int, reached: ReachedLayers, known_length: bool
) -> tuple[list[Measurement], str]:
    """Train the mixture for a step, and the first alternative that trains; return why there is no mixture."""
    measured, no_mixture, first = [], "", None
    try:
        if known_length:
            space = keeping(task.space, reached.idle)
            with TemporaryDirectory() as folder:  # what it logs is rehearsed, too
                logger = event_log(folder)
                measured.append(_train(task, seed, fraction=1e-9, space=space, logger=logger))
        else:
            no_mixture = "the length of a training is unknown"
    except NoMixtureError as error:
        no_mixture = error.reason
    except AutoActError:
        raise
    except OF_USERS as error:
        raise SearchFailedError(raised(_CHANGED, error)) from error
    for alternative in reached.alternatives():
        try:
            return [*measured, _train(task, seed, fraction=1e-9, assignment=alternative)], no_mixture
        except AutoActError:
            raise
        except OF_USERS as error:  # the search tells which ones do not train, if others do
            first = first or error
    if first is not None:
        raise SearchFailedError(raised(_CHANGED, first)) from first
    return measured, no_mixture


def _entry(measured: Sequence[Measurement], seed: int) -> Training:
    return Training(
        phase="probe",
        label="probe",
        assignment=None,
        seed=seed,
        state="finished",
        steps=sum(each.steps for each in measured),
        seconds=sum(each.seconds for each in measured),
        selection=measured[min(1, len(measured) - 1)].selection,
    )


def _train(task: ModelTask, seed: int, fraction: float, **more: Any) -> Measurement:
    with warnings.catch_warnings():
        # an epoch that ends after a batch may step a scheduler where accumulation by hand has not yet stepped
        warnings.filterwarnings("ignore", message=r"Detected call of `lr_scheduler\.step\(\)` before")
        return train(
            task.make_module,
            task.parts,
            seed=seed,
            monitor=task.monitor,
            trainer=task.trainer,
            limit_fraction=min(max(fraction, 1e-9), 1.0),
            **more,
        )


def _setup(clock: Clock, trainings: Sequence[Measurement]) -> float:
    """Return the seconds of a training beside its steps, one validation included: the least that was seen."""
    step = clock.seconds_per_step or 0.0
    return max(min(training.seconds - step * training.steps for training in trainings), 0.0)


def _seconds(clock: Clock, setup: float, planned_steps: float, trainer: Mapping[str, Any]) -> float:
    """Return the seconds of a full training: its setting up, its steps and its validations."""
    if clock.seconds_per_step is None or not math.isfinite(planned_steps):
        return math.nan
    epochs = max(trainer.get("max_epochs") or 1, 1)
    validations = epochs / max(trainer.get("check_val_every_n_epoch") or 1, 1)
    steps = planned_steps * clock.seconds_per_step
    return setup + steps + max(validations - 1, 0) * clock.seconds_per_validation
