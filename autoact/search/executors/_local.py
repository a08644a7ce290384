"""Local executors: this process, or processes that hold the task and train side by side."""

import math
import mmap
import os
import queue
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import torch

from autoact.errors import ConfigurationError
from autoact.records import Training
from autoact.search.executors._devices import environments
from autoact.search.executors._process import Process
from autoact.search.executors._sending import pickled, send
from autoact.search.executors._team import Team
from autoact.search.executors._watchdog import NO_LIMITS, Limits, Watchdog, can_tell_memory
from autoact.search.setup import Settings
from autoact.search.trainings import Ended, Executor, Extras, ModelTask, Task, Undone, failed, perform_stack
from autoact.training.fit import devices_of


class _Overrun(BaseException):
    """A training in this process has taken too long; not an Exception, which its code may catch."""


class Inline:
    """Executor that does a training when it is submitted, in this process.

    One that takes too long is interrupted by a signal where Python runs; what hangs in compiled code goes on.

    Args:
        task: What all trainings share.
        limits: What each may take, of time.
    """

    workers = 1

    def __init__(self, task: Task, limits: Limits = NO_LIMITS) -> None:
        self._task, self._watchdog = task, Watchdog(limits)
        self._why, self._trains = "", False

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Handle the signal."""
        before = signal.signal(signal.SIGALRM, self._interrupt)
        try:
            yield
        finally:
            self._watchdog.stop()
            signal.signal(signal.SIGALRM, before)

    def _interrupt(self, number: int, frame: object) -> None:
        if self._trains:
            raise _Overrun

    def _end(self, why: str) -> None:
        self._why = why
        signal.pthread_kill(cast(int, threading.main_thread().ident), signal.SIGALRM)

    def begin(self) -> None:
        """Do nothing: there is nothing to start."""

    def submit(self, asked: Sequence[Training], extras: Extras) -> Future[Ended]:
        """Do one training, or several as one."""
        future: Future[Ended] = Future()
        future.set_result(self._done(asked, extras))
        return future

    def _done(self, asked: Sequence[Training], extras: Extras) -> Ended:
        began = time.perf_counter()
        try:
            with self._watchdog.over(len(asked), self._end):
                self._trains = True
                ended = perform_stack(self._task, asked, extras)
                self._trains = False
                return ended
        except _Overrun:
            seconds = time.perf_counter() - began
            return [failed(asked[0], self._why, seconds)] if len(asked) == 1 else Undone(self._why)
        finally:
            self._trains = False


class Processes:
    """Executor with so many processes, each under a thread of this one; one that dies is replaced.

    Args:
        task: What all trainings share.
        environments: Variables of each process, which is started when a training needs it.
        limits: What each training may take.
        devices: Of each training; for several, as many processes.
    """

    def __init__(
        self, task: Task, environments: Sequence[Mapping[str, str]], limits: Limits, devices: int = 1
    ) -> None:
        self._task, self.workers, self._watchdog = task, len(environments), Watchdog(limits)
        self._devices = devices
        self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="autoact-worker")
        self._idle: queue.LifoQueue[tuple[Mapping[str, str], Process | Team | None]] = queue.LifoQueue()
        self._started: list[Process | Team] = []
        self._stopped = False
        self._sent: Any = None
        for environment in environments:
            self._idle.put((environment, None))

    def begin(self) -> None:
        """Start the first process.

        Raises:
            SearchFailedError: It cannot hold the task.
        """
        self._keep_task()
        self._threads.submit(self._with_process, lambda process: None).result()

    def submit(self, asked: Sequence[Training], extras: Extras) -> Future[Ended]:
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
                send(self._task, threads_of_each(self.workers * self._devices), file)
                file.flush()
                self._sent = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def _with_process(self, action: Any) -> Any:
        environment, process = self._idle.get()
        try:
            if process is not None and not process.alive():
                self._started.remove(process)
                process.close()
                process.wait()
                process = None
            if process is None:
                process = self._new(environment)
            return action(process)
        finally:
            self._idle.put((environment, process))

    def _new(self, environment: Mapping[str, str]) -> Process | Team:
        several = self._devices > 1
        watchdog = self._watchdog
        process = Team(environment, watchdog, self._devices) if several else Process(environment, watchdog)
        self._started.append(process)
        if self._stopped:
            process.end()
        process.begin(self._sent)
        return process

    def stop(self, *, abandon: bool) -> None:
        """Let the processes finish, or abandon what they are doing."""
        self._stopped = True
        self._watchdog.stop()
        if abandon:
            for process in self._started:
                process.end()
        self._threads.shutdown(cancel_futures=True)
        for process in self._started:
            process.close()
        for process in self._started:
            process.wait()


@contextmanager
def executor_for(task: Task, settings: Settings) -> Iterator[Executor]:
    """Give an executor whose processes share the machine's cores; with one worker, this process works.

    Args:
        task: What all trainings share.
        settings: Those of the search: workers, limits of a training, and arguments of the Trainer.
    """
    devices = devices_of(settings.trainer)
    if devices > 1 and isinstance(task, ModelTask):
        task = replace(task, trainer=settings.trainer)
    limits = Limits(settings.training_timeout or math.inf, settings.memory_limit or math.inf)
    if not can_end(settings):
        yield Inline(task)
        return
    if not in_processes(settings):
        inline = Inline(task, limits)
        with inline.interruptible():
            yield inline
        return
    processes = Processes(task, environments(settings.parallel, settings.trainer), limits, devices)
    abandon = True
    try:
        yield processes
        abandon = False
    finally:
        processes.stop(abandon=abandon)


def in_processes(settings: Settings) -> bool:
    """Tell whether trainings are done in other processes than this one."""
    several = settings.parallel > 1 or devices_of(settings.trainer) > 1
    return several or settings.memory_limit is not None or not settings.is_local


def can_end(settings: Settings) -> bool:
    """Tell whether a training can be ended: in this process by a signal, which nobody else may handle."""
    main = threading.current_thread() is threading.main_thread()
    alarm = hasattr(signal, "SIGALRM") and signal.getsignal(signal.SIGALRM) == signal.SIG_DFL
    return in_processes(settings) or (main and alarm)


def require_limits(settings: Settings) -> None:
    """Refuse limits that nobody could hold trainings to.

    Raises:
        ConfigurationError: Says why, and what to do.
    """
    if settings.memory_limit is not None and not can_tell_memory():
        raise ConfigurationError(
            f"memory_limit is {settings.memory_limit:g}, but only Linux tells the memory of processes, "
            "in /proc. Leave it out."
        )
    if (
        settings.training_timeout is not None
        and settings.training_timeout < math.inf
        and not can_end(settings)
    ):
        raise ConfigurationError(
            f"training_timeout is {settings.training_timeout:g}, but with one worker a training can be "
            "ended in the main thread alone, by SIGALRM, which nothing else may handle. Set workers to 2, "
            "or leave it out."
        )


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
