"""A clock of what watches over trainings, on which time passes only when a test lets it pass."""

import time
from dataclasses import dataclass

TICK = 0.02  # seconds between two looks


@dataclass
class Clock:
    """Stands in for `time` where a watch looks: nothing else that the machine does can be seen on it."""

    now: float = 0.0
    looks: int = 0

    def monotonic(self) -> float:
        """Return the seconds that have passed."""
        self.looks += 1
        return self.now

    def let_pass(self, seconds: float) -> None:
        """Let time pass, each moment of it seen by the watch.

        Args:
            seconds: At least as many pass.
        """
        until = self.now + seconds
        while self.now < until:
            self.now += TICK
            self.look()

    def look(self) -> None:
        """Wait for the next look."""
        seen = self.looks
        while self.looks == seen:
            time.sleep(0.001)
