"""Workers: processes that hold the task and train side by side, and none of them."""

import mmap
import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import IO, Any, Protocol, cast

import torch

from autoact.errors import SearchFailedError
from autoact.records import Training
from autoact.search.trainings._performing import Extras, Task, Undone, failed, perform_stack
from autoact.search.trainings._sending import pickled, send
from autoact.search.trainings._worker import end_with_children

_START = """
import os, sys
sys.path[:] = {path!r}
orders, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.dup2(2, 1)
answers.write({mark!r})
try:
    from autoact.search.trainings._worker import serve
except BaseException as error:
    import pickle
    pickle.dump(f"{{type(error).__name__}}: {{error}}", answers)
else:
    serve(orders, answers)
"""
_MARK = b"answers of a worker\n"  # what an interpreter prints when it starts comes before
_PATIENCE = 10.0  # seconds


class Executor(Protocol):
    """Whatever does trainings.

    Attributes:
        workers: How many at the same time.
    """

    workers: int

    def begin(self) -> None:
        """Start a worker; one that cannot hold the task is told now."""

    def submit(self, asked: Sequence[Training], extras: Extras) -> "Future[list[Training] | Undone]":
        """Begin a training, or several as one."""


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


class Process:
    """A worker, seen from its parent.

    It is in a group of its own: Ctrl-C on a terminal reaches the parent alone, which decides. It does not run
    the parent's main module, as `multiprocessing` would. Its standard input and output are for orders and
    answers; what it prints goes to standard error.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START.format(path=sys.path, mark=_MARK)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._orders = cast(IO[bytes], self._process.stdin)
        self._answers = cast(IO[bytes], self._process.stdout)

    def alive(self) -> bool:
        """Tell whether it runs."""
        return self._process.poll() is None

    def begin(self, sent: Any) -> None:
        """Give it what `send` wrote.

        Raises:
            SearchFailedError: It cannot hold it.
        """
        reason = self._asked(sent, after=_MARK)
        if reason:
            raise SearchFailedError(
                f"A worker process cannot begin: {reason.rstrip('.')}. Correct that, or set workers to 1."
            )

    def train(self, asked: Sequence[Training], order: bytes) -> "list[Training] | Undone":
        """Have it do trainings as one; its death is a training that failed, or a stack that was not done."""
        answer = self._asked(pickle.dumps(order))
        if isinstance(answer, list | Undone):
            return answer
        return [failed(asked[0], answer)] if len(asked) == 1 else Undone(answer)

    def _asked(self, sent: Any, after: bytes = b"") -> Any:
        """Send something and return the answer; how the process ended where there is none."""
        with suppress(BrokenPipeError):  # it has ended, maybe with an answer
            self._orders.write(sent)
            self._orders.flush()
        try:
            if after:
                next((line for line in self._answers if line.endswith(after)), None)
            return pickle.load(self._answers)
        except (EOFError, pickle.UnpicklingError):
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
            self.end()
            return _how(self._process.wait())

    def end(self) -> None:
        """End it, and what it has started, at once; not long after it has ended."""
        with suppress(ProcessLookupError):
            end_with_children(self._process.pid)

    def close(self) -> None:
        """Let it end."""
        with suppress(BrokenPipeError):
            self._orders.close()
        self._answers.close()

    def wait(self) -> None:
        """Wait until it has ended; one that does not is ended."""
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:  # a thread of the user's goes on
            self.end()
            self._process.wait()


def _how(status: int) -> str:
    """Return in words how a worker ended."""
    if status >= 0:
        return f"its process ended itself with exit status {status}"
    if -status == signal.SIGKILL:
        return (
            "its process was killed (SIGKILL), as happens when memory runs out: fewer workers or smaller "
            "batches need less"
        )
    return f"its process crashed ({signal.Signals(-status).name})"


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
    before = torch.get_num_threads()
    torch.set_num_threads(threads_of_each(workers) if workers > 1 else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def threads_of_each(workers: int) -> int:
    """Return the threads of each of so many processes, so that they share the machine's cores."""
    return max(1, (os.cpu_count() or 1) // workers)
