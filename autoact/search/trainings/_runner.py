"""Trainings of a run, each done once, whatever happened before; the ledger has it before anyone uses it."""

import gc
import signal
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field

from autoact.records import Ledger, Training
from autoact.search.trainings._performing import NO_EXTRAS, Extras, Task
from autoact.search.trainings._workers import Executor


@dataclass
class Trainings:
    """What does the trainings of a run and keeps them.

    Python drops a Ctrl-C that comes while it deletes an object: after one, no further training begins.

    Attributes:
        executor: Does them.
        task: What all of them have in common.
        ledger: Those that are done.
        finished: Told of each that has ended.
    """

    executor: Executor
    task: Task
    ledger: Ledger
    finished: Callable[[Training], None] = lambda training: None
    _interrupted: bool = field(default=False, init=False)
    _handles: bool = field(default=False, init=False)

    def __enter__(self) -> "Trainings":
        """Get ready to train in this process."""
        gc.freeze()  # collecting after each training then looks at what trainings made: 5 ms instead of 250
        main = threading.current_thread() is threading.main_thread()
        self._handles = main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self._handles:
            signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        """Let what is there be collected again."""
        gc.unfreeze()
        if self._handles:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _interrupt(self, number: int, frame: object) -> None:
        self._interrupted = True
        raise KeyboardInterrupt

    @property
    def workers(self) -> int:
        """How many trainings are done at the same time."""
        return self.executor.workers

    def start(self, asked: Training, extras: Extras = NO_EXTRAS) -> "Future[Training]":
        """Begin a training (without workers: do it).

        Raises:
            KeyboardInterrupt: There was a Ctrl-C that Python dropped.
        """
        if self._interrupted:
            raise KeyboardInterrupt
        return self.executor.submit(asked, extras)

    def finish(self, future: "Future[Training]") -> Training:
        """Enter a training that has ended into the ledger and return it."""
        training = future.result()
        self.ledger.append(training)
        self.finished(training)
        return training

    def run(
        self,
        asked: Iterable[Training],
        extras: Extras = NO_EXTRAS,
        *,
        again: bool = False,
        over: Callable[[], bool] = lambda: False,
    ) -> list[Training]:
        """Do the trainings that the ledger does not hold yet; of equal ones (phase, key, seed) the first.

        Args:
            asked: The trainings.
            extras: What else to do with the first of them.
            again: Whether to do those again that raised.
            over: Tells whether no further training may start.

        Returns:
            Every training that is done, in the order in which they were asked for.
        """
        asked = list(asked)
        missing = {(t.phase, t.key, t.seed): t for t in reversed(asked) if self._lacks(t, again)}
        waiting = [t for t in asked if missing.get((t.phase, t.key, t.seed)) is t]
        running: set[Future[Training]] = set()
        while True:
            while waiting and len(running) < self.workers and not over():
                training = waiting.pop(0)
                running.add(self.start(training, extras if training is asked[0] else NO_EXTRAS))
            if not running:
                break
            for future in first_finished(running):
                running.remove(future)
                self.finish(future)
        return [done for training in asked if (done := self.ledger.find(training)) is not None]

    def _lacks(self, asked: Training, again: bool) -> bool:
        found = self.ledger.find(asked)
        return found is None or (again and found.raised)


def first_finished(futures: "Iterable[Future[Training]]") -> "list[Future[Training]]":
    """Wait until one of some trainings has ended; return those that have."""
    return list(wait(futures, return_when=FIRST_COMPLETED).done)
