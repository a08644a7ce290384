"""Meter of processor time: each part of a run counts only what no part within it counts."""

import gc
import itertools
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any
from unittest.mock import patch

from autoact.records import Training
from autoact.search import _api, _carrying_out, outcome
from autoact.search.outcome import _live_record
from autoact.search.phases import Prepared
from autoact.search.study import Study
from autoact.search.trainings import Extras, ModelTask

OTHER, BARE = "other", "bare loops"
PARTS: tuple[tuple[Any, str, str], ...] = (
    (_api, "prepare", "probe"),
    (Prepared, "independent", "probe"),
    (Prepared, "fingerprint", "probe"),
    (_api, "probe", "probe"),
    (_api, "stack_for", "stack speed"),
    (Study, "ask", "sampler"),
    (Study, "best", "sampler"),
    (Study, "posterior", "sampler"),
    (Study, "tell", "study"),
    (_live_record, "log_training", "event logs"),
    (_carrying_out, "write_report", "report"),
    (outcome.LiveRecord, "_write_page", "report"),
    (outcome, "build_report", "report"),
    (outcome, "latency", "latency"),
    (gc, "collect", "garbage"),
)


def clock() -> float:
    """Return the processor time so far, in seconds, of this process and of those that it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


class Meter:
    """Seconds of processor time by part.

    Attributes:
        times: What each part has spent, once for every time that it began.
        trainings: How many there were in each phase.

    Example:
        >>> meter = Meter()
        >>> with meter.part("outer"), meter.part("inner"):
        ...     pass
        >>> {name: len(times) for name, times in meter.times.items()}
        {'inner': 1, 'outer': 1}
    """

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}
        self.trainings: Counter[str] = Counter()
        self._within = [0.0]  # what parts within have spent, by depth

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count what happens within for a part."""
        start = clock()
        self._within.append(0.0)
        try:
            yield
        finally:
            took, within = clock() - start, self._within.pop()
            self._within[-1] += took
            self.times.setdefault(name, []).append(took - within)


@contextmanager
def metered(bare: Callable[[], object], every: int) -> Iterator[Meter]:
    """Measure what a run in this process does, with bare loops in between.

    Args:
        bare: A bare loop, which counts as the part `BARE`.
        every: Number of trainings after which there is one.
    """
    meter, done = Meter(), itertools.count(1)
    measure, measure_stack = ModelTask.measure, ModelTask.measure_stack

    def measured(self: ModelTask, training: Training, extras: Extras) -> Any:
        meter.trainings[training.phase] += 1
        with meter.part(training.phase):
            found = measure(self, training, extras)
        bare_loops(1)
        return found

    def measured_stack(self: ModelTask, trainings: Sequence[Training], *more: Any) -> Any:
        meter.trainings[trainings[0].phase] += len(trainings)
        with meter.part(trainings[0].phase):
            found = measure_stack(self, trainings, *more)
        bare_loops(len(trainings))
        return found

    def bare_loops(trainings: int) -> None:
        for _ in range(trainings):
            if next(done) % every == 0:
                with meter.part(BARE):
                    bare()

    with ExitStack() as around:
        for owner, name, part in PARTS:
            around.enter_context(patch.object(owner, name, _counted(meter, getattr(owner, name), part)))
        around.enter_context(patch.object(ModelTask, "measure_stack", measured_stack))
        around.enter_context(patch.object(ModelTask, "measure", measured))
        with meter.part(OTHER):
            yield meter


def _counted(meter: Meter, function: Callable[..., Any], part: str) -> Callable[..., Any]:
    @wraps(function)
    def counted(*args: Any, **kwargs: Any) -> Any:
        with meter.part(part):
            return function(*args, **kwargs)

    return counted
