"""Every finished training of a run, one durable line each: what a resumed search never repeats."""

import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from autoact.errors import RunDirectoryError

Phase = Literal["probe", "prior", "trial", "reevaluation", "tuning", "baseline", "confirmation"]
State = Literal["finished", "diverged", "failed"]

SEARCH_PHASES: tuple[Phase, ...] = ("probe", "prior", "trial", "reevaluation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One training that has ended.

    Attributes:
        phase: What the training was for.
        label: What was trained, in words a report can print ("prior", "relu", "finalist").
        key: Identity of assignment and hyperparameters: equal keys are equal models.
        assignment: Module path -> {"activation", "parameters"}; for the prior, what it derived.
        seed: Seed of the training.
        steps: Optimizer steps taken.
        seconds: Wall time.
        selection: The monitored value on selection data; NaN when the training did not give one.
        comparison: The value on comparison data, None where those were not read.
        curve: The monitored value after each validation.
        at: Share of the whole training that was done by each value of the curve, where that is known.
        state: "diverged" when a value was not finite, "failed" when the training raised.
        trial: Number of the Optuna trial, where there is one.
        error: What was raised, for a failed training.
        hyperparameters: Values of those that are searched; the model's own for others.
        run: Which training of its assignment in the search, from 0, for one that may have been paused.
        start: Share of the whole training that an earlier entry had done already.
        stop: Share that is done now; below 1 the training was paused, or ended by itself.
        ended: Whether the training is over, though it may not have done all of its steps.
        share: What it cost, in full trainings.
        details: What a mixture learned.
    """

    phase: Phase
    label: str
    key: str
    assignment: Mapping[str, Any] | None
    seed: int
    steps: int
    seconds: float
    selection: float
    comparison: float | None = None
    curve: tuple[float, ...] = ()
    state: State = "finished"
    trial: int | None = None
    error: str | None = None
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    at: tuple[float, ...] = ()
    run: int | None = None
    start: float = 0.0
    stop: float = 1.0
    ended: bool = True
    share: float = 1.0
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """Whether the training ended with a finite value."""
        return self.state == "finished" and math.isfinite(self.selection)

    def to_line(self) -> str:
        """Return the entry as one line of JSON; NaN and infinity become null."""
        return json.dumps(_plain(asdict(self)), allow_nan=False)

    @classmethod
    def from_line(cls, line: str) -> "Entry":
        """Read an entry back; unknown keys of later versions are ignored."""
        data = json.loads(line)
        known = {item.name: data[item.name] for item in fields(cls) if item.name in data}
        known["selection"] = _number(known["selection"])
        for name in ("curve", "at"):
            known[name] = tuple(_number(value) for value in known.get(name, ()))
        if known.get("comparison") is None and known["phase"] == "confirmation":
            known["comparison"] = math.nan  # it was read, and was not finite
        return cls(**known)


@dataclass
class Ledger:
    """The trainings of a run in a JSON Lines file; each line is on disk before its result is used.

    A line torn by a kill is dropped when the file is opened, so its training runs again.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "trainings.jsonl"
        >>> ledger = Ledger(path)
        >>> ledger.append(Entry(phase="baseline", label="relu", key="k", assignment={}, seed=1,
        ...                     steps=10, seconds=0.5, selection=0.25))
        >>> Ledger(path).find("baseline", "k", 1).selection
        0.25
    """

    path: Path
    entries: list[Entry] = field(default_factory=list, init=False)
    _read: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Read what is there and cut off a torn last line."""
        if self.path.exists():
            whole = _drop_torn_line(self.path)
            self.entries = [_read(line, number, self.path) for number, line in enumerate(whole, 1)]
            self._read = len(self.entries)

    def append(self, entry: Entry) -> None:
        """Add one finished training and wait until it is on disk."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(entry.to_line() + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.entries.append(entry)

    def find(self, phase: Phase, key: str, seed: int) -> Entry | None:
        """Return the training of this model with this seed in this phase, if it is done.

        One that failed in an earlier process is not: its cause may be gone.
        """
        for place, entry in enumerate(self.entries):
            stale = entry.state == "failed" and place < self._read
            if (entry.phase, entry.key, entry.seed) == (phase, key, seed) and not stale:
                return entry
        return None

    def of(self, *phases: Phase) -> Iterator[Entry]:
        """Iterate over the trainings of some phases, in the order in which they ended."""
        return (entry for entry in self.entries if entry.phase in phases)


def _drop_torn_line(path: Path) -> list[str]:
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with path.open("r+b") as file:
            file.truncate(len(whole))
            os.fsync(file.fileno())
    return whole.decode("utf-8").splitlines()


def _read(line: str, number: int, path: Path) -> Entry:
    try:
        return Entry.from_line(line)
    except (ValueError, KeyError, TypeError) as error:
        raise RunDirectoryError(
            f"{path}, line {number} is not a training's record ({error}). "
            "Restore the file, or start a new run in another directory."
        ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
