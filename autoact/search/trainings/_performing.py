"""Task of a search, what all its trainings have in common, and the doing of one of them."""

import gc
import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch

from autoact.errors import OF_USERS, in_one_line
from autoact.records import Training
from autoact.search.trainings._arguments import with_values
from autoact.search.trainings._pruning import Pruning
from autoact.spaces import Assignment, SearchSpace
from autoact.training import DataParts, Measurement, train
from autoact.training.fit import event_log, laid_out
from autoact.training.stack import Member, NotStackable, train_stack

_WRITER = "_AsyncWriterThread"  # TensorBoard's, of a file of events
_NO_MEMORY = re.compile(r"out of memory|not enough memory|can't allocate memory|SIGKILL", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """Extras of a training: what else to do with it.

    Attributes:
        checkpoint: Where to save the trained model.
        logs: Directory of its TensorBoard events.
        fine_tune: Share of a full training in which a derived mixture is tuned; None does not derive.
        pruning: Decides after each validation whether to end it.
        bare: Whether a single training of fixed activations, neither pruned nor logged, is done as a stack of
            one, without Lightning's loop.
    """

    checkpoint: Path | None = None
    logs: Path | None = None
    fine_tune: float | None = None
    pruning: Pruning | None = None
    bare: bool = False


NO_EXTRAS = Extras()


class Task(Protocol):
    """Whatever can measure one training: a model with its data, or a user's function."""

    def measure(self, training: Training, extras: Extras) -> Measurement:
        """Do what is asked and return the measurements."""


@runtime_checkable
class StackTask(Task, Protocol):
    """Task that may measure several trainings as one."""

    def measure_stack(
        self, trainings: Sequence[Training], checkpoint: Path | None = None
    ) -> list[Measurement]:
        """Do what is asked and return the measurements."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTask:
    """A model with its data; it pickles whenever the user's model and data do."""

    make_module: Callable[[], Any]
    parts: DataParts
    space: SearchSpace
    original: Assignment
    monitor: str
    trainer: Mapping[str, Any]

    def build(self) -> Any:
        """Return a fresh model with its layers made."""
        return laid_out(self.make_module, self.parts, self.trainer)

    def measure(self, training: Training, extras: Extras) -> Measurement:
        """Train a fresh model and measure it."""
        mixture, as_it_is = training.assignment is None, training.assignment == self.original
        return train(
            with_values(self.make_module, training.hyperparameters),
            self.parts,
            seed=training.seed,
            monitor=self.monitor,
            trainer=self.trainer,
            assignment=None if as_it_is else training.assignment,
            space=self.space if mixture else None,
            prune=extras.pruning,
            fine_tune=extras.fine_tune,
            comparison=training.phase == "confirmation",
            logger=None if extras.logs is None else event_log(extras.logs),
            checkpoint=extras.checkpoint,
        )

    def measure_stack(
        self, trainings: Sequence[Training], checkpoint: Path | None = None
    ) -> list[Measurement]:
        """Train fresh models with the same hyperparameters as one, and measure each; save a single one.

        Raises:
            NotStackable: They have to be trained one by one.
        """
        compared = trainings[0].phase == "confirmation"
        return train_stack(
            with_values(self.make_module, trainings[0].hyperparameters),
            self.parts,
            [
                Member(
                    assignment=None if each.assignment == self.original else each.assignment,
                    seed=each.seed,
                    comparison=compared,
                )
                for each in trainings
            ],
            monitor=self.monitor,
            trainer=self.trainer,
            checkpoint=checkpoint,
        )


@dataclass(frozen=True, slots=True)
class Undone:
    """Stack that could not be trained.

    Attributes:
        why: In words.
    """

    why: str

    @property
    def in_memory(self) -> bool:
        """Whether a smaller one may fit."""
        return _NO_MEMORY.search(self.why) is not None


Ended = list[Training] | Undone


def perform_stack(task: Task, asked: Sequence[Training], extras: Extras = NO_EXTRAS) -> Ended:
    """Do trainings as one; a single one as `perform` does, with its extras.

    Args:
        task: What all trainings share.
        asked: What these are.
        extras: What else to do with a single one.

    Returns:
        The trainings with what came of them; each took its part of the time.
    """
    if len(asked) == 1:
        found = _stacked(task, asked, extras) if _is_bare(task, asked[0], extras) else None
        return found if isinstance(found, list) else [perform(task, asked[0], extras)]
    return _stacked(task, asked, NO_EXTRAS)


def _is_bare(task: Task, asked: Training, extras: Extras) -> bool:
    plain = replace(extras, bare=False, checkpoint=None) == NO_EXTRAS
    return extras.bare and plain and isinstance(task, StackTask) and asked.assignment is not None


def _stacked(task: Task, asked: Sequence[Training], extras: Extras) -> Ended:
    assert isinstance(task, StackTask), "others have no stacks"
    began = time.perf_counter()
    try:
        found = task.measure_stack(asked, extras.checkpoint)
    except NotStackable as error:
        return Undone(str(error))
    except OF_USERS as error:  # the user's code, no memory: told when each is trained alone
        return Undone(in_one_line(error))
    finally:
        _clean_up()
    seconds = (time.perf_counter() - began) / len(asked)
    pairs = zip(asked, found, strict=True)
    return [replace(ended(each, one), seconds=seconds, remark=_unsaved(one, extras)) for each, one in pairs]


def _unsaved(found: Measurement, extras: Extras) -> str | None:
    return f"{extras.checkpoint} was not saved: {found.unsaved}" if found.unsaved else None


def perform(task: Task, asked: Training, extras: Extras = NO_EXTRAS) -> Training:
    """Do one training; what it raises becomes its error (the probe has shown that trainings work).

    Args:
        task: What all trainings share.
        asked: What this one is.
        extras: What else to do with it.

    Returns:
        The training with what came of it.
    """
    began = time.perf_counter()
    try:
        with _told_once():
            found = task.measure(asked, extras)
        return replace(ended(asked, found), remark=_unsaved(found, extras))
    except OF_USERS as error:  # the user's code, no memory, a mixture that derives nothing
        if isinstance(error, OSError) and extras.logs is not None:  # a full disk: train without its log
            again = perform(task, asked, replace(extras, logs=None))
            said = f"{extras.logs} was not written: {error.strerror}"
            return again if again.raised else again.remarked(said)
        return failed(asked, in_one_line(error), time.perf_counter() - began)
    finally:
        _clean_up()


@contextmanager
def _told_once() -> Iterator[None]:
    """Show no traceback of TensorBoard's thread on a full disk: the training gets the same error."""
    before = threading.excepthook

    def show(what: Any) -> None:
        if not (isinstance(what.exc_value, OSError) and type(what.thread).__name__ == _WRITER):
            before(what)

    threading.excepthook = show
    try:
        yield
    finally:
        threading.excepthook = before


def _clean_up() -> None:
    gc.collect()  # Lightning's modules and trainers are cycles; without this, models of past trials stay
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def ended(asked: Training, found: Measurement) -> Training:
    """Return a training with what was measured."""
    done = found.steps / found.planned_steps if found.pruned and found.planned_steps > 0 else 1.0
    return replace(
        asked,
        state="diverged" if not found.finite else "pruned" if found.pruned else "finished",
        steps=found.steps,
        seconds=found.seconds,
        share=done + found.mixture.get("share", 0.0),
        selection=found.selection,
        comparison=found.comparison,
        rows=found.rows,
        curve=tuple(found.curve),
        curve_steps=tuple(found.steps_at),
        derived=found.assignment,
        details=found.mixture,
    )


def failed(asked: Training, why: str, seconds: float = 0.0) -> Training:
    """Return a training that ended without measurements.

    Args:
        asked: The training.
        why: What was raised, or how its process ended.
        seconds: Wall time that it took.
    """
    compared = math.nan if asked.phase == "confirmation" else None
    return replace(asked, state="failed", comparison=compared, error=why, seconds=seconds)
