"""Workers, processes that hold the task, ignore Ctrl-C and end when their parent does; and none of them."""

import gc
import os
import pickle
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from typing import Any

import torch

from autoact.errors import ConfigurationError
from autoact.records import Training
from autoact.search.trainings._performing import Extras, Task, perform


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


class Inline(Executor):
    """Executor that does a training when it is submitted, in this process."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def submit(self, function: Any, /, *arguments: Any, **keywords: Any) -> "Future[Any]":
        """Do one training."""
        future: Future[Any] = Future()
        future.set_result(perform(self._task, *arguments, **keywords))
        return future


def executor_for(task: Task, workers: int) -> Executor:
    """Return an executor whose processes share the machine's cores and hold the task; one works here."""
    if workers == 1:
        return Inline(task)
    return ProcessPoolExecutor(
        workers,
        mp_context=get_context("spawn"),
        initializer=_begin_worker,
        initargs=(task, _threads(workers)),
    )


def submit(executor: Executor, asked: Training, extras: Extras) -> "Future[Training]":
    """Begin a training in an executor that holds the task."""
    return executor.submit(_perform, asked, extras)


@contextmanager
def threads_as_in(workers: int) -> Iterator[None]:
    """Let torch use as many threads here as in one of so many workers; with one, nothing changes.

    What is measured here then holds there: on a busy machine threads that wait for each other take many times
    as long as one alone.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(_threads(workers) if workers > 1 else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _threads(workers: int) -> int:
    return max(1, (os.cpu_count() or 1) // workers)


def stop(executor: Executor, *, abandon: bool) -> None:
    """Let the workers finish, or abandon what they are doing."""
    running = getattr(executor, "_processes", None) or {}
    processes = list(running.values()) if abandon else []
    executor.shutdown(wait=not abandon, cancel_futures=True)
    for process in processes:
        process.kill()


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


def _perform(asked: Training, extras: Extras) -> Training:
    return perform(_task_of_worker[0], asked, extras)
