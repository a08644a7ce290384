"""Watch over trainings: what takes more time or memory than it may is ended, for a reason in words."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from autoact.errors import log
from autoact.report import duration

TICK = 0.5  # seconds between two looks
_AGAIN = 10.0  # seconds after which what goes on is ended once more
_PROCESSES = Path("/proc")
_GIGABYTE = 10**9


@dataclass(frozen=True, slots=True)
class Limits:
    """What one training may take.

    Attributes:
        seconds: Wall time; one in a stack of several has as much, as they would have one by one.
        gigabytes: Memory of its process and those that it has started.
    """

    seconds: float = math.inf
    gigabytes: float = math.inf


NO_LIMITS = Limits()


@dataclass
class _Watched:
    trainings: int
    end: Callable[[str], None]
    group: int | None
    seconds: float = 0.0
    ended: float = math.inf  # its seconds when it was ended


class Watchdog:
    """Thread that looks at trainings now and then.

    Time in which this process was stopped does not count: a look long after the last is as one soon after.

    Args:
        limits: What each training may take.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._watched: list[_Watched] = []
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, trainings: int, end: Callable[[str], None], group: int | None = None) -> Iterator[None]:
        """Watch over trainings that are done as one.

        Args:
            trainings: How many they are.
            end: Called from another thread with the reason for their end; again, if they go on.
            group: Processes whose memory is theirs.
        """
        watched = _Watched(trainings, end, group)
        self._watched.append(watched)
        if self._thread is None and self._limits != NO_LIMITS:
            self._thread = threading.Thread(target=self._look, name="autoact-watchdog", daemon=True)
            self._thread.start()
        try:
            yield
        finally:
            self._watched.remove(watched)

    def stop(self) -> None:
        """End nothing from now on."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        last = time.monotonic()
        while not self._over.wait(TICK):
            now = time.monotonic()
            for each in tuple(self._watched):
                each.seconds += min(now - last, 2 * TICK)
                if each.seconds - each.ended > _AGAIN or (each.ended == math.inf and self._why(each)):
                    self._end(each)
            last = now

    def _end(self, watched: _Watched) -> None:
        if watched.ended < math.inf:
            log.warning(
                "A training goes on although it was ended: it hangs in compiled code. Stop this process and "
                "resume the run with two workers, which can be ended."
            )
        watched.ended = watched.seconds
        watched.end(self._why(watched))

    def _why(self, watched: _Watched) -> str:
        limits = self._limits
        if watched.seconds > limits.seconds * watched.trainings:
            return (
                f"it took longer than {duration(limits.seconds * watched.trainings)}: it hangs, or "
                "training_timeout has to be more"
            )
        if watched.group is None or limits.gigabytes == math.inf:
            return ""
        taken = memory_of(watched.group) / _GIGABYTE
        return f"not enough memory: it took {taken:.1f} GB of {limits.gigabytes:g} GB (memory_limit)" * (
            taken > limits.gigabytes
        )


def can_tell_memory() -> bool:
    """Tell whether the memory of processes can be looked up here."""
    return (_PROCESSES / "self" / "smaps_rollup").exists()


def memory_of(group: int) -> int:
    """Return the bytes of memory of a group of processes; of what several share, each has its part.

    Args:
        group: Its number.

    Example:
        >>> import os
        >>> memory_of(os.getpgrp()) > 10**6 if can_tell_memory() else True
        True
    """
    return sum(_memory(each.parent) for each in _PROCESSES.glob("[0-9]*/stat") if _group(each) == group)


def _group(stat: Path) -> int | None:
    with suppress(OSError):  # it has ended
        return int(stat.read_text(errors="replace").rpartition(")")[2].split()[2])
    return None


def _memory(process: Path) -> int:
    with suppress(OSError):  # it has ended, or is another user's
        for line in (process / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return 1024 * int(line.split()[1])
    return 0
