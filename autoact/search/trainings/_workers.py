"""Worker processes: they hold the task, ignore Ctrl-C, and end when their parent does."""

import gc
import os
import pickle
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process

import torch
from autoact.search.ledger import Entry
from autoact.search.task import Job, Measuring, perform

from autoact.errors import ConfigurationError


def require_picklable(task: Measuring) -> None:
    """Raise ConfigurationError if a task cannot be sent to worker processes."""
    try:
        pickle.dumps(task)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ConfigurationError(
            f"With more than one worker, model and data go to other processes, and these cannot: {error}. "
            "Give classes or functions that a module defines (no lambdas), or set workers to 1."
        ) from error


_task_of_worker: list[Measuring] = []


def start_workers(task: Measuring, workers: int) -> ProcessPoolExecutor:
    """Return an executor whose processes share the machine's cores and hold the task."""
    arguments = (task, _threads(workers))
    return ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_begin_worker, initargs=arguments
    )


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


def stop_workers(executor: ProcessPoolExecutor, *, abandon: bool) -> None:
    """Let the workers finish, or abandon what they are doing."""
    processes = list((executor._processes or {}).values()) if abandon else []
    executor.shutdown(wait=not abandon, cancel_futures=True)
    for process in processes:
        process.kill()


def _begin_worker(task: Measuring, threads: int) -> None:
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


def perform_in_worker(job: Job) -> Entry:
    """Do one training in a worker process."""
    return perform(_task_of_worker[0], job)
