"""Ledger of a run: every finished training, one durable line each; the truth that all else is rebuilt from."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from autoact.errors import RunDirectoryError
from autoact.records._training import Phase, Training


@dataclass
class Ledger:
    """The trainings of a run in a JSON Lines file; each line is on disk before its result is used.

    A line torn by a kill is dropped when the file is opened, so its training runs again.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "trainings.jsonl"
        >>> ledger = Ledger(path)
        >>> from autoact.spaces import Assignment
        >>> done = Training(phase="baseline", label="relu", assignment=Assignment({"a": "relu"}), seed=1,
        ...                 state="finished", selection=0.25)
        >>> ledger.append(done)
        >>> Ledger(path).find(done).selection
        0.25
    """

    path: Path
    trainings: list[Training] = field(default_factory=list, init=False)
    _read: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Read what is there and cut off a torn last line."""
        if self.path.exists():
            whole = _drop_torn_line(self.path)
            self.trainings = [_read(line, number, self.path) for number, line in enumerate(whole, 1)]
            self._read = len(self.trainings)

    def append(self, training: Training) -> None:
        """Add one finished training and wait until it is on disk."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(training.to_line() + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.trainings.append(training)

    def find(self, asked: Training) -> Training | None:
        """Return the training of the same model with the same seed in the same phase, if it is done.

        One that failed in an earlier process is not: its cause may be gone.
        """
        wanted = (asked.phase, asked.key, asked.seed)
        for place, training in enumerate(self.trainings):
            stale = training.state == "failed" and place < self._read
            if (training.phase, training.key, training.seed) == wanted and not stale:
                return training
        return None

    def of(self, *phases: Phase) -> Iterator[Training]:
        """Iterate over the trainings of some phases, in the order in which they ended."""
        return (training for training in self.trainings if training.phase in phases)


def _drop_torn_line(path: Path) -> list[str]:
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with path.open("r+b") as file:
            file.truncate(len(whole))
            os.fsync(file.fileno())
    return whole.decode("utf-8").splitlines()


def _read(line: str, number: int, path: Path) -> Training:
    try:
        return Training.from_line(line)
    except ValueError as error:
        raise RunDirectoryError(
            f"{path}, line {number} is not a training's record ({error}). "
            "Restore the file, or start a new run in another directory."
        ) from error
