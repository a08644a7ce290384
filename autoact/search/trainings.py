"""Do trainings, here or in worker processes, and enter each into the ledger before anyone uses its result."""

import gc
import math
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

import torch

from autoact.errors import ConfigurationError, SearchFailedError
from autoact.search.ledger import Entry, Ledger, Phase
from autoact.search.variables import key_of
from autoact.spaces import Assignment, SearchSpace
from autoact.training import DataParts, Training, train
from autoact.training.event_log import event_log

MIXTURE_KEY = "mixture"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What every training of a search has in common; it pickles whenever the user's model and data do."""

    make_module: Callable[[], Any]
    parts: DataParts
    space: SearchSpace
    original: Assignment
    monitor: str
    trainer: dict[str, Any]

    def build(self) -> Any:
        """Return a fresh model with its layers made."""
        return built(self.make_module)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One training to do.

    Attributes:
        phase: What it is for.
        label: What is trained, in words.
        assignment: The activations; None trains the mixture.
        seed: Seed of the training.
        trial: Number of the Optuna trial, if it belongs to one.
        checkpoint: Where to save the trained model.
        logs: Directory of its TensorBoard events.
    """

    phase: Phase
    label: str
    assignment: Assignment | None
    seed: int
    trial: int | None = None
    checkpoint: Path | None = None
    logs: Path | None = None

    @property
    def key(self) -> str:
        """Identity of what is trained: equal keys are equal models."""
        return MIXTURE_KEY if self.assignment is None else key_of(self.assignment)


def perform(task: Task, job: Job) -> Entry:
    """Do one training; what it raises becomes a failed entry (the probe has shown that trainings work).

    Args:
        task: What all trainings share.
        job: What this one is.

    Returns:
        The entry for the ledger.
    """
    try:
        return _entry(job, _train(task, job))
    except Exception as error:  # the user's code, out of memory, a mixture too far gone to derive from
        return _failure(job, error)
    finally:
        gc.collect()  # Lightning's modules and trainers are cycles; without this, models of past trials stay
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()


@dataclass
class Trainings:
    """The trainings of a run: each is done once, whatever happened before."""

    task: Task
    ledger: Ledger
    workers: int = 1
    finished: Callable[[Entry], None] = lambda entry: None
    _executor: Executor | None = field(default=None, init=False)

    def __enter__(self) -> "Trainings":
        """Start the workers, if there are any."""
        gc.freeze()  # collecting after each training then looks at what trainings made: 5 ms instead of 250
        if self.workers > 1:
            self._executor = _pool(self.task, self.workers)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Stop the workers; after an exception, trainings that have not ended are abandoned."""
        gc.unfreeze()
        if not isinstance(self._executor, ProcessPoolExecutor):
            return
        processes = list((self._executor._processes or {}).values()) if kind is not None else []
        self._executor.shutdown(wait=kind is None, cancel_futures=True)
        for process in processes:
            process.terminate()

    def start(self, job: Job) -> "Future[Entry]":
        """Begin a training (without workers: do it)."""
        if self._executor is not None:
            return self._executor.submit(_perform_in_worker, job)
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


def built(make_module: Callable[[], Any]) -> Any:
    """Return a fresh model, its layers made even if it makes them in `configure_model`."""
    module = make_module()
    if hasattr(module, "configure_model"):
        module.configure_model()
    return module


def first_finished(futures: Iterable["Future[Entry]"]) -> "list[Future[Entry]]":
    """Wait until one of some trainings has ended; return those that have."""
    return list(wait(futures, return_when=FIRST_COMPLETED).done)


def _train(task: Task, job: Job) -> Training:
    as_it_is = job.assignment == task.original
    return train(
        task.make_module,
        task.parts,
        seed=job.seed,
        monitor=task.monitor,
        trainer=task.trainer,
        assignment=None if as_it_is else job.assignment,
        space=task.space if job.assignment is None else None,
        comparison=job.phase == "confirmation",
        logger=None if job.logs is None else event_log(job.logs),
        checkpoint=job.checkpoint,
    )


def _entry(job: Job, training: Training) -> Entry:
    entry = Entry(
        phase=job.phase,
        label=job.label,
        key=job.key,
        assignment=_layers(job.assignment or training.assignment),
        seed=job.seed,
        steps=training.steps,
        seconds=training.seconds,
        selection=training.selection,
        comparison=training.comparison,
        curve=tuple(training.curve),
        trial=job.trial,
    )
    return entry if training.finite else replace(entry, state="diverged")


def _failure(job: Job, error: Exception) -> Entry:
    first_line = (str(error).strip().splitlines() or [""])[0]
    return Entry(
        phase=job.phase,
        label=job.label,
        key=job.key,
        assignment=_layers(job.assignment),
        seed=job.seed,
        steps=0,
        seconds=0.0,
        selection=math.nan,
        comparison=math.nan if job.phase == "confirmation" else None,
        trial=job.trial,
        state="failed",
        error=f"{type(error).__name__}: {first_line}",
    )


def _layers(assignment: Assignment | None) -> dict[str, Any] | None:
    return None if assignment is None else assignment.to_dict()["layers"]


def require_picklable(task: Task) -> None:
    """Raise ConfigurationError if a task cannot be sent to worker processes."""
    try:
        pickle.dumps(task)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ConfigurationError(
            f"With more than one worker, model and data go to other processes, and these cannot: {error}. "
            "Give classes or functions that a module defines (no lambdas), or set workers to 1."
        ) from error


_task_of_worker: list[Task] = []


def _pool(task: Task, workers: int) -> ProcessPoolExecutor:
    threads = max(1, (os.cpu_count() or 1) // workers)
    return ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_begin_worker, initargs=(task, threads)
    )


def _begin_worker(task: Task, threads: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    gc.freeze()
    _task_of_worker[:] = [task]


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _perform_in_worker(job: Job) -> Entry:
    return perform(_task_of_worker[0], job)
