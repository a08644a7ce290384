"""A budget of time that notes each piece of work."""

import time
from typing import Any

from autoact.tracking._layer_logger import TimeBudget


class NotedBudget(TimeBudget):
    """Count the processor time of this thread: other processes of a busy machine do not count."""

    def __init__(self, share: float = 0.01, **settings: Any) -> None:
        super().__init__(share, clock=time.thread_time, **settings)
        self._before = self._longest = 0.0

    def allows(self, expected: float = 0.0) -> bool:
        self._note()
        return super().allows(expected)

    def _note(self) -> None:
        """Note what was done since the last question."""
        self._longest = max(self._longest, self.spent - self._before)
        self._before = self.spent

    def require_share(self) -> None:
        """Check that no more than the share was spent; one piece of work may run over."""
        self._note()
        assert 0 < self.spent <= self.share * (time.thread_time() - self._started) + self._longest
