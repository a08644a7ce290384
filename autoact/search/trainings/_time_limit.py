"""TimeLimit of a search: its wall time, counted over every process that works on it."""

import time
from dataclasses import dataclass, field

from autoact.records import SEARCH_PHASES, Ledger


@dataclass
class TimeLimit:
    """Tell when the time of the search is over.

    Args:
        hours: Wall time of the search's own phases; None: no limit.
        before: Seconds that earlier processes spent on them.

    Example:
        >>> TimeLimit(None).over(), TimeLimit(1.0, before=3601.0).over()
        (False, True)
    """

    hours: float | None
    before: float = 0.0
    began: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, hours: float | None, ledger: Ledger, workers: int) -> "TimeLimit":
        """Start the clock of a run; what earlier processes trained counts as they did it, side by side."""
        return cls(hours, sum(training.seconds for training in ledger.of(*SEARCH_PHASES)) / workers)

    def over(self) -> bool:
        """Tell whether no further training may start."""
        spent = self.before + time.monotonic() - self.began
        return self.hours is not None and spent >= 3600 * self.hours
