"""Train the model and its mixture for a few steps: what would fail later fails now, and the cost is known."""

import math
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autoact.search.ledger import Entry
from autoact.search.rungs import Rungs
from autoact.search.settings import Settings
from autoact.search.task import Job, Task

from autoact.errors import AutoActError, SearchFailedError
from autoact.training import Measurement, train
from autoact.training.clock import Clock

_ROOM = 0.25  # of the free disk space, at most, for states of paused trainings
_SETUP = 5.0  # seconds of setting up a training from which on they are compared with what a short one does
_STEPS = 20  # enough for a mean step time, and at most 2 % of one training
_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Probe:
    """What a few steps showed.

    Attributes:
        entry: The steps, for the ledger: they are part of the search's cost.
        planned_steps: Optimizer steps of one full training; infinite where nobody can know.
        seconds: Estimated wall time of one full training, from its setting up; NaN where it cannot be
            estimated.
        rungs: Where a training may pause.
    """

    entry: Entry
    planned_steps: float
    seconds: float
    rungs: Rungs = field(default_factory=Rungs)


def probe(task: Task, seed: int, settings: Settings, folder: Path) -> Probe:
    """Train the original for one step, then for a few, and the mixture for one; validate them.

    Args:
        task: The model and its data.
        seed: Of the trainings.
        settings: What is asked for.
        folder: Where the run will be, for the space that is left there.

    Raises:
        AutoActError: The monitor is never logged, or the Trainer does not take its arguments.
        SearchFailedError: The user's own model or data raised.
    """
    try:
        clock = Clock()
        first = _train(task, seed, fraction=1e-9, callbacks=[clock])
        steps = min(_STEPS, _SHARE * first.planned_steps)
        with tempfile.TemporaryDirectory() as temporary:
            state = Path(temporary) / "state.ckpt"
            share = max(steps, 2) / first.planned_steps
            second = _train(task, seed, fraction=share, callbacks=[clock], checkpoint=state)
            size = state.stat().st_size
        trainings = [first, second]
        if second.finite:  # a mixture of what diverges from the start derives nothing
            trainings.append(_train(task, seed, fraction=1e-9, space=task.space))
    except AutoActError:
        raise
    except Exception as error:
        raise SearchFailedError(
            f"The model cannot be trained, not even for a few steps: {type(error).__name__}: {error}"
        ) from error
    job = Job(phase="probe", label="probe", assignment=task.original, seed=seed)
    entry = Entry(
        phase=job.phase,
        label=job.label,
        key=job.key,
        assignment=None,
        seed=seed,
        steps=sum(training.steps for training in trainings),
        seconds=sum(training.seconds for training in trainings),
        selection=second.selection,
    )
    setup = _setup(clock, [first, second])
    seconds = _seconds(clock, setup, first.planned_steps, task.trainer)
    rungs = _rungs(task.trainer, first.planned_steps) if settings.rungs else Rungs()
    if setup > _SETUP:
        rungs = rungs.longer_than(setup / seconds)
    states = settings.budget / rungs.fractions[0]
    room = _ROOM * shutil.disk_usage(folder).free
    return Probe(entry, first.planned_steps, seconds, replace(rungs, carry=size * states <= room))


def _rungs(trainer: Mapping[str, Any], steps: float) -> Rungs:
    """Return where a training may pause, if epochs are what ends it."""
    epochs = trainer.get("max_epochs") or 0
    if trainer.get("max_steps") not in (None, -1) or trainer.get("max_time") is not None:
        epochs = 0
    return Rungs.of(epochs, steps, trainer.get("check_val_every_n_epoch") or 1)


def _train(task: Task, seed: int, fraction: float, **more: Any) -> Measurement:
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
