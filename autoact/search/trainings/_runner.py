"""Trainings of a run, each done once, whatever happened before; the ledger has it before anyone uses it."""

import gc
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, field

from autoact.errors import SearchFailedError
from autoact.records import Ledger, Training
from autoact.search.trainings._performing import NO_EXTRAS, Extras, Task
from autoact.search.trainings._workers import executor_for, stop, submit


@dataclass
class Trainings:
    """What does the trainings of a run and keeps them.

    Attributes:
        task: What all of them have in common.
        ledger: Those that are done.
        workers: Processes that train at the same time.
        finished: Told of each that has ended.
    """

    task: Task
    ledger: Ledger
    workers: int = 1
    finished: Callable[[Training], None] = lambda training: None
    _executor: Executor = field(init=False)

    def __enter__(self) -> "Trainings":
        """Start the workers."""
        gc.freeze()  # collecting after each training then looks at what trainings made: 5 ms instead of 250
        self._executor = executor_for(self.task, self.workers)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Stop the workers; after an exception, trainings that have not ended are abandoned."""
        gc.unfreeze()
        stop(self._executor, abandon=kind is not None)

    def start(self, asked: Training, extras: Extras = NO_EXTRAS) -> "Future[Training]":
        """Begin a training (without workers: do it)."""
        return submit(self._executor, asked, extras)

    def finish(self, future: "Future[Training]") -> Training:
        """Enter a training that has ended into the ledger and return it."""
        try:
            training = future.result()
        except BrokenExecutor as error:
            raise SearchFailedError(
                "A worker process died: killed, out of memory, or started from a script that does not guard "
                "its calls with `if __name__ == '__main__':`. Resume the run, with fewer workers if need be."
            ) from error
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
