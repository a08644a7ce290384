"""Train the model and its mixture for a few steps: what would fail later fails now, and the cost is known."""

import math
from dataclasses import dataclass
from typing import Any

from autoact.errors import AutoActError, SearchFailedError
from autoact.search.ledger import Entry
from autoact.search.task import Job, Task
from autoact.training import Training, train
from autoact.training.clock import Clock

_STEPS = 20  # enough for a mean step time, and at most 2 % of one training
_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Probe:
    """What a few steps showed.

    Attributes:
        entry: The steps, for the ledger: they are part of the search's cost.
        planned_steps: Optimizer steps of one full training; infinite where nobody can know.
        seconds: Estimated wall time of one full training; NaN where it cannot be estimated.
    """

    entry: Entry
    planned_steps: float
    seconds: float


def probe(task: Task, seed: int) -> Probe:
    """Train the original for one step, then for a few, and the mixture for one; validate them.

    Raises:
        AutoActError: The monitor is never logged, or the Trainer does not take its arguments.
        SearchFailedError: The user's own model or data raised.
    """
    try:
        first = _train(task, seed, fraction=1e-9)
        steps = min(_STEPS, _SHARE * first.planned_steps)
        clock = Clock()
        second = _train(task, seed, fraction=max(steps, 2) / first.planned_steps, callbacks=[clock])
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
    return Probe(entry, first.planned_steps, _seconds(clock, first.planned_steps, task.trainer))


def _train(task: Task, seed: int, fraction: float, callbacks: Any = (), space: Any = None) -> Training:
    return train(
        task.make_module,
        task.parts,
        seed=seed,
        monitor=task.monitor,
        trainer=task.trainer,
        limit_fraction=min(max(fraction, 1e-9), 1.0),
        callbacks=callbacks,
        space=space,
    )


def _seconds(clock: Clock, planned_steps: float, trainer: dict[str, Any]) -> float:
    if clock.seconds_per_step is None or not math.isfinite(planned_steps):
        return math.nan
    epochs = max(trainer.get("max_epochs") or 1, 1)
    validations = epochs / max(trainer.get("check_val_every_n_epoch") or 1, 1)
    return planned_steps * clock.seconds_per_step + validations * clock.seconds_per_validation
