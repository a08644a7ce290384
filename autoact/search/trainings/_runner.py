"""Do trainings, here or in worker processes, and enter each into the ledger before anyone uses its result."""

import gc
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field

from autoact.search.ledger import Entry, Ledger
from autoact.search.task import Job, Measuring, perform
from autoact.search.workers import perform_in_worker, start_workers, stop_workers

from autoact.errors import SearchFailedError


@dataclass
class Trainings:
    """The trainings of a run: each is done once, whatever happened before."""

    task: Measuring
    ledger: Ledger
    workers: int = 1
    finished: Callable[[Entry], None] = lambda entry: None
    _executor: ProcessPoolExecutor | None = field(default=None, init=False)

    def __enter__(self) -> "Trainings":
        """Start the workers, if there are any."""
        gc.freeze()  # collecting after each training then looks at what trainings made: 5 ms instead of 250
        if self.workers > 1:
            self._executor = start_workers(self.task, self.workers)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Stop the workers; after an exception, trainings that have not ended are abandoned."""
        gc.unfreeze()
        if self._executor is not None:
            stop_workers(self._executor, abandon=kind is not None)

    def start(self, job: Job) -> "Future[Entry]":
        """Begin a training (without workers: do it)."""
        if self._executor is not None:
            return self._executor.submit(perform_in_worker, job)
        future: Future[Entry] = Future()
        future.set_result(perform(self.task, job))
        return future

    def finish(self, future: "Future[Entry]") -> Entry:
        """Enter a training that has ended into the ledger and return it."""
        try:
            entry = future.result()
        except BrokenProcessPool as error:
            raise SearchFailedError(
                "A worker process died: killed, out of memory, or started from a script that does not guard "
                "its calls with `if __name__ == '__main__':`. Resume the run, with fewer workers if need be."
            ) from error
        self.ledger.append(entry)
        self.finished(entry)
        return entry

    def run(self, jobs: Iterable[Job]) -> list[Entry]:
        """Do the jobs that the ledger does not hold yet; of jobs with equal phase, key and seed the first.

        Returns:
            The entry of every job, in the order of the jobs.
        """
        jobs = list(jobs)
        missing = {(j.phase, j.key, j.seed): j for j in reversed(jobs) if self._known(j) is None}
        waiting = [job for job in jobs if missing.get((job.phase, job.key, job.seed)) is job]
        running: set[Future[Entry]] = set()
        while waiting or running:
            while waiting and len(running) < self.workers:
                running.add(self.start(waiting.pop(0)))
            for future in first_finished(running):
                running.remove(future)
                self.finish(future)
        return [entry for job in jobs if (entry := self._known(job)) is not None]

    def _known(self, job: Job) -> Entry | None:
        return self.ledger.find(job.phase, job.key, job.seed)


def first_finished(futures: Iterable["Future[Entry]"]) -> "list[Future[Entry]]":
    """Wait until one of some trainings has ended; return those that have."""
    return list(wait(futures, return_when=FIRST_COMPLETED).done)
