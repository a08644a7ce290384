"""Trainings of a run, each done once, whatever happened before; the ledger has it before anyone uses it."""

import gc
import heapq
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from typing import Protocol

from autoact.records import Ledger, Stack, Training
from autoact.search.trainings._interruption import require_no_interruption
from autoact.search.trainings._performing import NO_EXTRAS, Ended, Extras, Task, Undone

_KEPT = 50  # trainings after which the collector no longer looks at what they left: else its time grows
_FAILING = 2  # stacks; the trainings that follow are done one by one
Job = tuple[Sequence[Training], Extras]  # several trainings are a stack, without extras
Over = Callable[[int], bool]  # whether no training may start, given how many have to fit beside it


def never(beside: int) -> bool:
    """Return that time is never over."""
    return False


class Executor(Protocol):
    """Whatever does trainings."""

    @property
    def workers(self) -> int:
        """How many at the same time."""

    def begin(self) -> None:
        """Start a worker; one that cannot hold the task is told now."""

    def submit(self, asked: Sequence[Training], extras: Extras) -> "Future[Ended]":
        """Begin a training, or several as one."""


@dataclass(eq=False)
class _Halved:
    """A stack that memory is too small for: it is in the ledger when all of it is done, as one that fits.

    Else a run that is killed in between would ask for other trials than one that is not: of a stack, all are
    asked for before any is told.

    Attributes:
        left: Trainings that are not done.
        ended: Those that are.
    """

    left: int
    ended: list[Training] = field(default_factory=list)


@dataclass
class Trainings:
    """What does the trainings of a run and keeps them.

    Attributes:
        executor: Does them.
        task: What all of them have in common.
        ledger: Those that are done.
        finished: Told of each that has ended.
        stack: How many may be done as one.
        limited: Told where fewer may be than before, once those that have shown it are in the ledger.
    """

    executor: Executor
    task: Task
    ledger: Ledger
    finished: Callable[[Training], None] = lambda training: None
    stack: Stack = field(default_factory=Stack)
    limited: Callable[[Stack], None] = lambda stack: None
    _undone: int = field(default=0, init=False)  # stacks, for another reason than memory
    _said: bool = field(default=False, init=False)
    _remark: str = field(default="", init=False)
    _known: Stack = field(init=False)  # what `limited` was told last

    def __post_init__(self) -> None:
        """Begin with the given size."""
        self._known = self.stack

    def __enter__(self) -> "Trainings":
        """Get ready to train in this process."""
        gc.freeze()  # collecting after each training then looks at what trainings made: 5 ms instead of 250
        return self

    def __exit__(self, *_: object) -> None:
        """Let what is there be collected again."""
        gc.unfreeze()

    @property
    def workers(self) -> int:
        """How many trainings, or stacks of them, are done at the same time."""
        return self.executor.workers

    def do(
        self, more: Callable[[int, int], Job], tell: Callable[[Training], object], over: Over = never
    ) -> None:
        """Do trainings until there are no more; what is interrupted by anything is in no ledger.

        A stack that cannot be trained is done in parts, unless time is over before.

        Args:
            more: Returns what to do next, given how many stacks and how many trainings are being done; no
                training where none may start.
            tell: Told of each training that has ended, once all of its stack are in the ledger.
            over: Tells whether no further training may start.

        Raises:
            Interrupted: A signal has come, even if Python or training code has dropped it.
        """
        running: dict[Future[Ended], tuple[Sequence[Training], _Halved | None]] = {}
        parts: list[tuple[Sequence[Training], _Halved | None]] = []
        while True:
            while len(running) < self.workers:
                whole: _Halved | None = None
                if ready := bool(parts) and self.fitting(len(parts[0][0]), over) == len(parts[0][0]):
                    (asked, whole), extras = parts.pop(0), NO_EXTRAS
                else:
                    asked, extras = more(len(running), sum(len(each) for each, _ in running.values()))
                if not asked:
                    break
                extras = replace(extras, bare=not ready and len(asked) == 1 and self.stack.bare)
                running[self._start(asked, extras)] = asked, whole
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                (asked, whole), ended = running.pop(future), future.result()
                if isinstance(ended, Undone):
                    halved = whole or (_Halved(len(asked)) if ended.in_memory else None)
                    parts += [(part, halved) for part in self._parts(asked, ended)]
                elif whole is None or self._is_whole(whole, ended):
                    self._keep(ended if whole is None else whole.ended, tell)
        for halved in dict.fromkeys(whole for _, whole in parts if whole is not None and whole.ended):
            self._keep(halved.ended, tell)  # time was over before the rest

    @staticmethod
    def _is_whole(halved: _Halved, ended: list[Training]) -> bool:
        """Add what is done of a stack, and tell whether it is all of it."""
        halved.ended += ended
        halved.left -= len(ended)
        return not halved.left

    def share(self, waiting: int, running: int, most: int) -> int:
        """Return how many trainings make the next stack: workers that are idle share what waits.

        Args:
            waiting: Trainings that may be stacked with each other.
            running: Workers that are busy.
            most: At most so many, at least 1.
        """
        stacks = max(-(-waiting // most), min(self.workers - running, waiting), 1)
        return -(-waiting // stacks)

    def fitting(self, count: int, over: Over) -> int:
        """Return how many of some trainings may start as one: one worker's time, which all have."""
        return next((n for n in range(count, 0, -1) if not over((n - 1) * self.workers)), 0)

    def run(
        self,
        asked: Iterable[Training],
        *extras: Extras,
        again: bool = False,
        over: Over = never,
    ) -> list[Training]:
        """Do the trainings that the ledger does not hold yet; of equal ones (phase, key, seed) the first.

        Args:
            asked: The trainings.
            extras: What else to do with the first of them, one for each; these are then done alone.
            again: Whether to do those again that raised.
            over: Tells whether no further training may start.

        Returns:
            Every training that is done, in the order in which they were asked for.
        """
        asked = list(asked)
        missing = {(t.phase, t.key, t.seed): t for t in reversed(asked) if self._lacks(t, again)}
        queues = _queues([t for t in asked if missing.get((t.phase, t.key, t.seed)) is t])

        def more(running: int, trained: int) -> Job:
            if not queues:
                return [], NO_EXTRAS
            queue = heapq.heappop(queues)
            own = next((e for t, e in zip(asked, extras, strict=False) if t is queue[0][1]), NO_EXTRAS)
            alike = 1 if own != NO_EXTRAS else len(queue)
            size = self.fitting(self.share(alike, running, self.stack.size), over)
            chosen = [queue.popleft()[1] for _ in range(size)]
            if queue:
                heapq.heappush(queues, queue)
            return chosen, own

        self.do(more, lambda training: None, over)
        return [done for training in asked if (done := self.ledger.find(training)) is not None]

    def _lacks(self, asked: Training, again: bool) -> bool:
        found = self.ledger.find(asked)
        return found is None or (again and found.raised)

    def _start(self, asked: Sequence[Training], extras: Extras) -> "Future[Ended]":
        require_no_interruption()
        return self.executor.submit(asked, extras)

    def _keep(self, ended: list[Training], tell: Callable[[Training], object]) -> None:
        """Enter trainings that have ended into the ledger, the remark on stacks with the first of them.

        Not those that a signal to all processes of a job has ended, which this one handles as well.
        """
        if any(training.raised for training in ended):
            require_no_interruption()
        if self._remark:
            ended[0] = ended[0].remarked(self._remark)
            self._remark = ""
        before = len(self.ledger.trainings) // _KEPT
        self.ledger.append(*ended)
        if len(self.ledger.trainings) // _KEPT > before:
            gc.collect()
            gc.freeze()
        if self.stack != self._known:
            self._known = self.stack
            self.limited(self.stack)
        for training in ended:
            self.finished(training)
        for training in ended:
            tell(training)

    def _parts(self, asked: Sequence[Training], undone: Undone) -> list[Sequence[Training]]:
        """Return halves of a stack that memory is too small for, else its single trainings; say it once."""
        size = len(asked) // 2 if undone.in_memory else 1
        told = (
            f"A stack of {len(asked)} trainings does not fit into memory and is halved"
            if undone.in_memory
            else "A stack of trainings cannot be done as one and is done one by one"
        )
        self._undone += not undone.in_memory
        if undone.in_memory or self._undone == _FAILING:
            self.stack = replace(self.stack.limited(size), reason=undone.why)
        if not self._said:
            self._said, self._remark = True, f"{told}: {undone.why}"
        return [asked[start : start + size] for start in range(0, len(asked), size)]


def _queues(waiting: Sequence[Training]) -> list[deque[tuple[int, Training]]]:
    """Return trainings with their places, in queues of those that may be one stack: a heap, the first on top.

    These are trainings of models with the same hyperparameters; a mixture trains alone.
    """
    queues: dict[object, deque[tuple[int, Training]]] = {}
    for place, training in enumerate(waiting):
        alone = training.assignment is None
        queue = queues.setdefault(place if alone else frozenset(training.hyperparameters.items()), deque())
        queue.append((place, training))
    return list(queues.values())  # in the order of their first places: a heap
