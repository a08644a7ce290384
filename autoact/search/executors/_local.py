"""Local executors: this process, or processes that hold the task and train side by side."""

import mmap
import os
import queue
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch

from autoact.records import Training
from autoact.search.executors._process import Process
from autoact.search.executors._sending import pickled, send
from autoact.search.trainings import Executor, Extras, Task, Undone, perform_stack


class Inline:
    """Executor that does a training when it is submitted, in this process."""

    workers = 1

    def __init__(self, task: Task) -> None:
        self._task = task

    def begin(self) -> None:
        """Do nothing: there is nothing to start."""

    def submit(self, asked: Sequence[Training], extras: Extras) -> "Future[list[Training] | Undone]":
        """Do one training, or several as one."""
        future: Future[list[Training] | Undone] = Future()
        future.set_result(perform_stack(self._task, asked, extras))
        return future


class Processes:
    """Executor with so many processes, each under a thread of this one; one that dies is replaced.

    Args:
        task: What all trainings share.
        workers: How many processes; each is started when a training needs it.
    """

    def __init__(self, task: Task, workers: int) -> None:
        self._task, self.workers = task, workers
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="autoact-worker")
        self._idle: queue.LifoQueue[Process | None] = queue.LifoQueue()
        self._started: list[Process] = []
        self._stopped = False
        self._sent: Any = None
        for _ in range(workers):
            self._idle.put(None)

    def begin(self) -> None:
        """Start the first process.

        Raises:
            SearchFailedError: It cannot hold the task.
        """
        self._keep_task()
        self._threads.submit(self._with_process, lambda process: None).result()

    def submit(self, asked: Sequence[Training], extras: Extras) -> "Future[list[Training] | Undone]":
        """Begin a training, or several as one, in a process that is free."""
        self._keep_task()
        order = pickled((asked, extras))
        return self._threads.submit(self._with_process, lambda process: process.train(asked, order))

    def _keep_task(self) -> None:
        """Write the task as processes get it into a file without a name.

        Not in the threads: pickling imports modules by their names, which a thread cannot while the main one
        imports them.
        """
        if self._sent is None:
            with tempfile.TemporaryFile() as file:
                send(self._task, threads_of_each(self.workers), file)
                file.flush()
                self._sent = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def _with_process(self, action: Any) -> Any:
        process = self._idle.get()
        try:
            if process is None or not process.alive():
                process = self._new()
            return action(process)
        finally:
            self._idle.put(process)

    def _new(self) -> "Process":
        process = Process()
        self._started.append(process)
        if self._stopped:
            process.end()
        process.begin(self._sent)
        return process

    def stop(self, *, abandon: bool) -> None:
        """Let the processes finish, or abandon what they are doing."""
        self._stopped = True
        if abandon:
            for process in filter(Process.alive, self._started):
                process.end()
        self._threads.shutdown(cancel_futures=True)
        for process in self._started:
            process.close()
        for process in self._started:
            process.wait()


@contextmanager
def executor_for(task: Task, workers: int) -> Iterator[Executor]:
    """Give an executor whose processes share the machine's cores; with one worker, this process works.

    Args:
        task: What all trainings share.
        workers: How many trainings are done at the same time.
    """
    if workers == 1:
        yield Inline(task)
        return
    processes = Processes(task, workers)
    abandon = True
    try:
        yield processes
        abandon = False
    finally:
        processes.stop(abandon=abandon)


@contextmanager
def threads_as_in(workers: int) -> Iterator[None]:
    """Let torch use as many threads here as in one of so many workers; with one, nothing changes.

    What is measured here then holds there: on a busy machine threads that wait for each other take many times
    as long as one alone.
    """
    with with_threads(threads_of_each(workers) if workers > 1 else torch.get_num_threads()):
        yield


@contextmanager
def with_threads(count: int) -> Iterator[None]:
    """Let torch use so many threads.

    Args:
        count: At least 1.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def threads_of_each(workers: int) -> int:
    """Return the threads of each of so many processes, so that they share the machine's cores."""
    return max(1, (os.cpu_count() or 1) // workers)
