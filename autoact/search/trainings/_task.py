"""One training of a search: what all have in common, what this one is, and the entry that it becomes."""

import gc
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from autoact.search.hyperparameters import Value
from autoact.search.ledger import Entry, Phase
from autoact.search.maker import with_values
from autoact.search.tuned import Tuned

from autoact.spaces import Assignment, SearchSpace
from autoact.training import DataParts, Measurement, train
from autoact.training.event_log import event_log

MIXTURE_KEY = "mixture"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What every training of a search has in common; it pickles whenever the user's model and data do."""

    make_module: Callable[[], Any]
    parts: DataParts
    space: SearchSpace
    original: Assignment
    monitor: str
    trainer: dict[str, Any]

    def build(self) -> Any:
        """Return a fresh model with its layers made."""
        return built(self.make_module)

    def measure(self, job: "Job") -> Measurement:
        """Do one training."""
        return _train(self, job)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One training to do.

    Attributes:
        phase: What it is for.
        label: What is trained, in words.
        assignment: The activations; None trains the mixture.
        seed: Seed of the training.
        trial: Number of the Optuna trial, if it belongs to one.
        checkpoint: Where to save the trained model.
        logs: Directory of its TensorBoard events.
        hyperparameters: Values of the model's arguments by name; those not named are its own.
        run: Which training of its assignment, for one that may be paused.
        start: Share of the training that is done already.
        stop: Share after which to pause; 1 ends it.
        share: What it costs, in full trainings.
        states: Directory of the states of paused trainings; None keeps none.
        fine_tune: Share of a full training in which a derived mixture is tuned; None does not derive.
    """

    phase: Phase
    label: str
    assignment: Assignment | None
    seed: int
    trial: int | None = None
    checkpoint: Path | None = None
    logs: Path | None = None
    hyperparameters: Mapping[str, Value] = field(default_factory=dict)
    run: int | None = None
    start: float = 0.0
    stop: float = 1.0
    share: float = 1.0
    states: Path | None = None
    fine_tune: float | None = None

    def state(self, share: float) -> Path | None:
        """Return the file of the state at a share of the training; None where there is none to keep."""
        if self.states is None or not 0 < share < 1:
            return None
        return self.states / f"{self.key}-{self.seed}-{share:.6f}.ckpt"

    @property
    def key(self) -> str:
        """Identity of what is trained: equal keys are equal models."""
        return MIXTURE_KEY if self.assignment is None else Tuned(self.assignment, self.hyperparameters).key


class Measuring(Protocol):
    """Whatever can measure one assignment: a model with its data, or a user's function."""

    def measure(self, job: Job) -> Measurement:
        """Return the measurements of one training."""


def perform(task: Measuring, job: Job) -> Entry:
    """Do one training; what it raises becomes a failed entry (the probe has shown that trainings work).

    Args:
        task: What all trainings share.
        job: What this one is.

    Returns:
        The entry for the ledger.
    """
    try:
        return _entry(job, task.measure(job))
    except Exception as error:  # the user's code, out of memory, a mixture too far gone to derive from
        return _failure(job, error)
    finally:
        gc.collect()  # Lightning's modules and trainers are cycles; without this, models of past trials stay
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()


def built(make_module: Callable[[], Any]) -> Any:
    """Return a fresh model, its layers made even if it makes them in `configure_model`."""
    module = make_module()
    if hasattr(module, "configure_model"):
        module.configure_model()
    return module


def _train(task: Task, job: Job) -> Measurement:
    as_it_is = job.assignment == task.original
    return train(
        with_values(task.make_module, job.hyperparameters),
        task.parts,
        seed=job.seed,
        monitor=task.monitor,
        trainer=task.trainer,
        assignment=None if as_it_is else job.assignment,
        space=task.space if job.assignment is None else None,
        fine_tune=job.fine_tune,
        comparison=job.phase == "confirmation",
        logger=None if job.logs is None else event_log(job.logs),
        checkpoint=job.checkpoint,
    )


def _entry(job: Job, training: Measurement) -> Entry:
    entry = Entry(
        phase=job.phase,
        label=job.label,
        key=job.key,
        assignment=_layers(job.assignment or training.assignment),
        seed=job.seed,
        steps=training.steps,
        seconds=training.seconds,
        selection=training.selection,
        comparison=training.comparison,
        curve=tuple(training.curve),
        at=tuple(training.at),
        trial=job.trial,
        hyperparameters=job.hyperparameters,
        run=job.run,
        start=job.start,
        stop=job.stop,
        share=job.share + training.mixture.get("share", 0.0),
        details=training.mixture,
    )
    return entry if training.finite else replace(entry, state="diverged")


def _failure(job: Job, error: Exception) -> Entry:
    first_line = (str(error).strip().splitlines() or [""])[0]
    return Entry(
        phase=job.phase,
        label=job.label,
        key=job.key,
        assignment=_layers(job.assignment),
        seed=job.seed,
        steps=0,
        seconds=0.0,
        selection=math.nan,
        comparison=math.nan if job.phase == "confirmation" else None,
        trial=job.trial,
        hyperparameters=job.hyperparameters,
        run=job.run,
        start=job.start,
        stop=job.stop,
        share=job.share,
        state="failed",
        error=f"{type(error).__name__}: {first_line}",
    )


def _layers(assignment: Assignment | None) -> dict[str, Any] | None:
    return None if assignment is None else assignment.to_dict()["layers"]
