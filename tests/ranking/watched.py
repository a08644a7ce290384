"""A task whose trainings are counted, and in one of which the process that ranks gets a signal."""

import os
import signal
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from autoact.training.tasks import Task
from tests.search.models import TRAINER, Curve, CurveData

_NOTES, _SIGNAL, _AT, _RANKS = "WATCHED_NOTES", "WATCHED_SIGNAL", "WATCHED_AT", "WATCHED_RANKS"


class Noted(Curve):
    """Number every training, and send the signal at the second batch of one."""

    number: int

    def on_fit_start(self) -> None:
        self.number = _numbered(Path(os.environ[_NOTES]))

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        if batch_idx == 1 and self.number == int(os.environ[_AT]):
            os.kill(int(os.environ[_RANKS]), getattr(signal, os.environ[_SIGNAL]))


def _numbered(notes: Path) -> int:
    """Note a training and return its number, which no training of another process has."""
    number = begun(notes) + 1
    try:
        (notes / str(number)).touch(exist_ok=False)
    except FileExistsError:
        return _numbered(notes)
    return number


def begun(notes: Path) -> int:
    """Return how many trainings have begun."""
    return len(list(notes.iterdir()))


def watched(notes: Path, sent: str = "", at: int = 0, ranks: int | str = "") -> Mapping[str, str]:
    """Return the environment of a ranking that is watched.

    Args:
        notes: Folder of its trainings.
        sent: Name of the signal.
        at: Number of the training, from 1; 0 for none.
        ranks: Process that gets it.
    """
    return {_NOTES: str(notes), _SIGNAL: sent, _AT: str(at), _RANKS: str(ranks)}


def this_process_ranks() -> None:
    """Let this process get the signal."""
    os.environ[_RANKS] = str(os.getpid())


curve = Task(
    name="curve",
    model=Noted,
    data=partial(CurveData),
    monitor="val_loss",
    mode="min",
    trainer=TRAINER,
)
