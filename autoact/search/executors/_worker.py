"""Worker: a process that trains what it is told to, one training after another, until its parent ends it."""

import gc
import os
import pickle
import queue
import signal
import sys
import threading
from contextlib import suppress
from functools import partial
from typing import IO, Any

from torch import distributed

from autoact.errors import AutoActError, ConfigurationError, in_one_line
from autoact.search.executors._sending import receive
from autoact.search.trainings import SIGNALS, Task, perform_stack

_receiving = threading.Event()


def require_no_import(called: str) -> None:
    """Refuse what begins trainings because a worker imports a module for its classes.

    Args:
        called: The function that begins them.

    Raises:
        ConfigurationError: Says so.
    """
    if _receiving.is_set():
        raise ConfigurationError(
            f"{called} is called where a module that defines model or data is imported, so that every worker "
            "would begin it again. Put the call into a function, or under `if __name__ == '__main__':`."
        )


def serve(orders: IO[bytes], answers: IO[bytes]) -> None:
    """Receive a task, then trainings to do.

    Args:
        orders: Where they come from.
        answers: Where answers go: "" or why the worker cannot begin, then each training as it has ended, or
            what was raised instead.
    """
    if hasattr(os, "register_at_fork"):  # a loader process that outlives this one must not keep them open
        os.register_at_fork(after_in_child=partial(_close, [orders.fileno(), answers.fileno()]))
        os.register_at_fork(after_in_child=_handle_as_usual)
    for number in SIGNALS:
        signal.signal(number, _leave_to_the_parent)
    try:
        task = received(orders)
    except BaseException as error:  # whatever the user's modules do
        _answer(answers, str(error) if isinstance(error, AutoActError) else in_one_line(error))
        return
    _answer(answers, "")
    _work(task, orders, answers)


def _leave_to_the_parent(number: int, frame: object) -> None:
    """Do nothing: a scheduler sends a signal to every process, and the parent decides."""


def _handle_as_usual() -> None:
    for number, default in SIGNALS.items():
        if signal.getsignal(number) is _leave_to_the_parent:
            signal.signal(number, default)


def _close(files: list[int]) -> None:
    """Close files once: a process that is forked from a forked one has none of them."""
    while files:
        os.close(files.pop())


def received(orders: IO[bytes]) -> Task:
    """Take a session and its task over.

    Args:
        orders: Where they come from.
    """
    _receiving.set()
    try:
        task: Task = receive(orders)
    finally:  # a process of a cluster goes on after a task that it cannot hold
        _receiving.clear()
    gc.freeze()
    return task


def _work(task: Task, orders: IO[bytes], answers: IO[bytes]) -> None:
    busy = threading.Lock()
    waiting: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(orders, waiting, busy), daemon=True).start()
    while (order := waiting.get()) is not None:
        with busy:
            answer = _done(task, order)
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
        _answer(answers, answer)
    if (
        distributed.is_available() and distributed.is_initialized()
    ):  # else gloo's threads abort the interpreter
        distributed.destroy_process_group()


def _done(task: Task, order: bytes) -> Any:
    try:
        return perform_stack(task, *pickle.loads(order))
    except BaseException as error:  # sys.exit of the user's code ends a training, not the worker
        return in_one_line(error)


def _listen(orders: IO[bytes], waiting: "queue.SimpleQueue[bytes | None]", busy: threading.Lock) -> None:
    """Pass orders on; where the parent is gone, end this process, at once if it trains."""
    with suppress(EOFError, pickle.UnpicklingError):
        while True:
            waiting.put(pickle.load(orders))
    waiting.put(None)
    if busy.locked():
        end_with_children(os.getpid())


def _answer(answers: IO[bytes], answer: Any) -> None:
    try:
        pickle.dump(answer, answers)
        answers.flush()
    except BrokenPipeError:
        end_with_children(os.getpid())


def end_with_children(worker: int) -> None:
    """End a worker and the loader processes that it started, at once.

    Args:
        worker: Its process id, which is also that of its group.
    """
    if hasattr(os, "killpg"):
        os.killpg(worker, signal.SIGKILL)
    else:
        os.kill(worker, signal.SIGTERM)
