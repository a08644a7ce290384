"""Time budget: a share of the elapsed time, and no more, for watching a training."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class TimeBudget:
    """Keep what is spent below a share of the elapsed wall time, give or take one piece of work.

    Args:
        share: Of the elapsed time.
        clock: Returns seconds.

    Example:
        >>> ticks = iter([0.0, 0.0, 1.0, 2.0, 50.0, 200.0])
        >>> budget = TimeBudget(0.01, clock=lambda: next(ticks))
        >>> with budget.spending():  # from 0.0 to 1.0
        ...     pass
        >>> budget.allows(), budget.allows(), budget.allows(expected=0.5)  # at 2, 50 and 200 seconds
        (False, False, True)
    """

    def __init__(self, share: float = 0.01, clock: Callable[[], float] = time.perf_counter) -> None:
        self.share, self.spent = share, 0.0
        self._clock = clock
        self._started = clock()

    def allows(self, expected: float = 0.0) -> bool:
        """Return whether a piece of work that is expected to take some seconds may be done now."""
        return self.spent + expected <= self.share * (self._clock() - self._started)

    def used(self) -> float:
        """Return the share of the elapsed time that was spent."""
        return self.spent / max(self._clock() - self._started, 1e-9)

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Count the time spent inside."""
        begin = self._clock()
        try:
            yield
        finally:
            self.spent += self._clock() - begin
