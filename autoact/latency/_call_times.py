"""Times of calls taken in turns, so that a busy machine slows all of them alike."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median, quantiles
from typing import Any

import torch

Call = Callable[[], Any]
_SECONDS = 0.5
_WARMUP = 3
_SHORTEST = 1e-4  # seconds of one measurement: 1000 times the clock's own cost
_MOST = 1000


def in_turns(calls: Mapping[str, Call], seconds: float = _SECONDS) -> dict[str, list[float]]:
    """Return the seconds that each call took in every round; one round measures each call once.

    Short calls are repeated within a measurement. With a GPU in use, the measurement waits until it is idle.

    Args:
        calls: What to measure, by name.
        seconds: For everything together; each call is measured at least once.

    Example:
        >>> times = in_turns({"sum": lambda: sum(range(1000)), "nothing": lambda: None}, seconds=0.01)
        >>> len(times["sum"]) == len(times["nothing"]) > 0
        True
    """
    repeats = {name: _repeats(call) for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    deadline = time.perf_counter() + seconds
    while not all(times.values()) or time.perf_counter() < deadline:
        for name, call in calls.items():
            times[name].append(_time(call, repeats[name]))
        if not calls:
            break
    return times


def medians(calls: Mapping[str, Call], seconds: float = _SECONDS) -> dict[str, float]:
    """Return the median time of each call in seconds; see `in_turns`.

    Args:
        calls: Functions without arguments, by name.
        seconds: Time to spend on all of them.

    Returns:
        Seconds of one call, by name.

    Example:
        >>> sorted(medians({"sum": lambda: sum(range(10)), "max": lambda: max(range(10))}, seconds=0.01))
        ['max', 'sum']
    """
    return {name: median(values) for name, values in in_turns(calls, seconds).items()}


def ratio(times: Sequence[float], reference: Sequence[float]) -> tuple[float, float, float]:
    """Return lower quartile, median and upper quartile of the ratio of two calls over the rounds.

    Args:
        times: Seconds of one call, round by round.
        reference: The same of the other call.

    Example:
        >>> ratio([2.0, 4.0, 9.0], [1.0, 2.0, 3.0])
        (2.0, 2.0, 3.0)
    """
    ratios = [a / b for a, b in zip(times, reference, strict=True)]
    if len(ratios) == 1:
        return ratios[0], ratios[0], ratios[0]
    low, middle, high = quantiles(ratios, n=4)
    return max(low, min(ratios)), middle, min(high, max(ratios))


def _repeats(call: Call) -> int:
    """Warm a call up and return how often to repeat it for a measurement that the clock can resolve."""
    for _ in range(_WARMUP):
        call()
    once = min(_time(call, 1) for _ in range(2))
    return min(_MOST, max(1, math.ceil(_SHORTEST / max(once, 1e-9))))


def _time(call: Call, repeats: int) -> float:
    _wait()
    began = time.perf_counter()
    for _ in range(repeats):
        call()
    _wait()
    return (time.perf_counter() - began) / repeats


def _wait() -> None:
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
