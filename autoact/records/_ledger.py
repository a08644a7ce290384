"""Ledger of a run: every finished training, one durable line each; all else is rebuilt from it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from autoact.errors import RunDirectoryError
from autoact.records._training import Phase, Training


@dataclass
class Ledger:
    """The trainings of a run in a JSON Lines file; each line is on disk before its result is used.

    A line torn by a kill is not read, and dropped when the next one is written: its training runs again.

    Args:
        path: The file; it need not exist.

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
    _appended: bool = field(default=False, init=False, repr=False)
    _found: dict[tuple[Phase, str, int], Training] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        """Read what is there; nothing is changed."""
        if self.path.exists():
            read = _read_all(_content(self.path), self.path)
            self.trainings = [training for training, _ in read]
            compared = any(training.phase == "confirmation" for training in self.trainings)
            for training, key in read:
                # what raised is done again, its cause may be gone; what chose the model stays once data that
                # chose nothing were read
                if not training.raised or (compared and training.phase != "confirmation"):
                    self._remember(training, key)

    def append(self, *trainings: Training) -> None:
        """Add finished trainings and wait until they are on disk.

        Raises:
            RunDirectoryError: It cannot be written, such as on a full disk, or is gone.
        """
        try:
            self._write("".join(f"{training.to_line()}\n" for training in trainings))
        except FileNotFoundError as error:
            raise RunDirectoryError(
                f"{self.path} is gone: it was moved or deleted while the search ran. Put it back, then "
                "resume the run."
            ) from error
        except OSError as error:
            self._appended = False  # part of it may be there
            raise RunDirectoryError(
                f"{self.path} cannot be written: {error.strerror or error}. The trainings in it are kept: "
                "when it can be written again, resume the run."
            ) from error
        self.trainings += trainings
        for training in trainings:
            self._remember(training, training.key)

    def _write(self, lines: str) -> None:
        if not self._appended:
            _drop_torn_line(self.path)
            self._appended = True
        with open(self.path, "a", encoding="utf-8", opener=self._opened) as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())

    def _opened(self, path: str, flags: int) -> int:
        """Open the file; one that is gone is not begun again, without the trainings that were in it."""
        return open_itself(path, flags & ~os.O_CREAT if self.trainings else flags)

    def find(self, asked: Training) -> Training | None:
        """Return the training of the same model with the same seed in the same phase, if it is done.

        One that raised in an earlier process is not, because its cause may be gone; only, after the first
        training of the confirmation, those that the choice rests on stay as they are.
        """
        return self._found.get((asked.phase, asked.key, asked.seed))

    def of(self, *phases: Phase) -> Iterator[Training]:
        """Iterate over the trainings of some phases, in the order in which they ended."""
        return (training for training in self.trainings if training.phase in phases)

    def count(self, *phases: Phase) -> int:
        """Return how many trainings of some phases have ended."""
        return sum(1 for _ in self.of(*phases))

    def _remember(self, training: Training, key: str) -> None:
        place = (training.phase, key, training.seed)
        if place not in self._found or self._found[place].raised:
            self._found[place] = training


def open_itself(path: str, flags: int) -> int:
    """Open a file of a run, and not what a link that stands in its place points to."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RunDirectoryError(f"{path} cannot be read: {error.strerror or error}.") from error


def _drop_torn_line(path: Path) -> None:
    content = path.read_bytes() if path.exists() else b""
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with open(path, "r+b", opener=open_itself) as file:
            file.truncate(whole)
            os.fsync(file.fileno())


@lru_cache(maxsize=1)  # a resume looks into its ledger six times: 5,000 lines take a second
def _read_all(content: bytes, path: Path) -> tuple[tuple[Training, str], ...]:
    """Return the trainings with their keys."""
    whole = content.split(b"\n")[:-1]
    found = (_read(line, number, path) for number, line in enumerate(whole, 1))
    return tuple((training, training.key) for training in found)


def _read(line: bytes, number: int, path: Path) -> Training:
    try:
        return Training.from_line(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise RunDirectoryError(
            f"{path}, line {number} is not a training's record ({error}). "
            "Restore the file, or start a new run in another directory."
        ) from error
