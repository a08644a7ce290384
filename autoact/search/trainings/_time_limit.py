"""TimeLimit of a run: its wall time, counted over every process that works on it, and what still fits."""

import math
import time
from dataclasses import dataclass, field
from statistics import fmean

from autoact.records import Ledger

_MARGIN = 1.1  # on what has to fit afterwards: it is longer than trainings alone
_PARTS = ("one-shot", "probe")  # phases whose trainings take another time than those that follow


@dataclass
class TimeLimit:
    """Tell what still fits into the time of a run.

    Args:
        hours: Wall time of everything; None: no limit.
        ledger: The trainings that are done: they tell how long one takes.
        workers: Trainings that are done at the same time.
        estimate: Seconds of one training, as long as none is done; NaN where nobody knows.

    Example:
        >>> from pathlib import Path
        >>> TimeLimit(1.0, Ledger(Path("none.jsonl")), estimate=61.0).room, TimeLimit().room
        (59.0, inf)
    """

    hours: float | None = None
    ledger: Ledger | None = None
    workers: int = 1
    estimate: float = math.nan
    before: float = field(init=False)
    began: float = field(init=False)

    def __post_init__(self) -> None:
        """Start the clock; what earlier processes trained counts as they did it, side by side."""
        self.began = time.monotonic()
        self.before = spent(self.ledger, self.workers) if self.ledger is not None else 0.0

    @property
    def left(self) -> float:
        """Seconds that are left; infinite without a limit."""
        if self.hours is None:
            return math.inf
        return max(3600 * self.hours - self.before - (time.monotonic() - self.began), 0.0)

    @property
    def seconds(self) -> float:
        """Mean wall time of one training; 0 where nobody knows."""
        done = [] if self.ledger is None else self.ledger.trainings
        measured = [
            t.seconds / t.share for t in done if t.phase not in _PARTS and not t.raised and t.share > 0
        ]
        known = fmean(measured) if measured else self.estimate
        return known if math.isfinite(known) else 0.0

    @property
    def room(self) -> float:
        """How many trainings still fit; infinite without a limit, or as long as nobody knows."""
        left = self.left
        if left <= 0 or math.isinf(left):
            return left
        seconds = self.seconds
        return left // seconds * self.workers if seconds > 0 else math.inf

    def over(self, reserved: int = 0) -> bool:
        """Tell whether no further training may start.

        Args:
            reserved: Trainings that have to fit after it.
        """
        return self.room < _MARGIN * reserved + 1


def spent(ledger: Ledger, workers: int) -> float:
    """Return the seconds of wall time that a run has taken."""
    return sum(training.seconds for training in ledger.trainings) / workers
