"""Work elsewhere: trainings in a process that another program has started."""

import faulthandler
import io
import math
import os
import pickle
import platform
import socket
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

import autoact
from autoact.errors import AutoActError, ConfigurationError, in_one_line
from autoact.search.clusters._written_files import collected, placed
from autoact.search.executors import received, send
from autoact.search.trainings import Ended, ModelTask, Task, perform_stack
from autoact.training import train

_busy = threading.Lock()  # random numbers and settings of torch belong to a process
_held: dict[str, Task] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Trainings to do as one; none: only get ready.

    Attributes:
        task: Name of what all trainings share.
        content: The trainings and their extras, as `pickled` wrote them.
        mark: A file beside those that are asked for; who sees it can write them there.
        threads: How many torch is to use.
        seconds: That the trainings may take, after which their process ends.
        driver: The search's own process, which does not end.
    """

    task: str
    content: bytes
    mark: Path | None = None
    threads: int = 1
    seconds: float = math.inf
    driver: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of an order.

    Attributes:
        ended: The trainings, or why there are none.
        files: What they wrote, by path.
        process: Host and number of the process.
        refused: Why it cannot hold the task; "" if it does.
    """

    ended: Ended | str = ""
    files: dict[Path, bytes] = field(default_factory=dict)
    process: tuple[str, int] = field(default_factory=lambda: this_process())
    refused: str = ""


def this_process() -> tuple[str, int]:
    """Return host and number of this process."""
    return socket.gethostname(), os.getpid()


def packed(task: Task, threads: int) -> bytes:
    """Return a task with its session, as another process takes it over.

    Args:
        task: What all trainings share.
        threads: How many torch is to use for it.
    """
    file = io.BytesIO()
    pickle.dump((_versions(), [os.path.abspath(folder) for folder in sys.path]), file)
    send(task, threads, file)
    return file.getvalue()


def hold(name: str, task: Task) -> None:
    """Keep a task in this process, in place of a former one.

    Args:
        name: Of the task.
        task: What all trainings share.
    """
    _held.clear()
    _held[name] = task


def release(name: str) -> None:
    """Forget a task.

    Args:
        name: Of the task.
    """
    _held.pop(name, None)


def work(order: Order, sent: bytes | None) -> Answer | None:
    """Do trainings in this process, one order at a time.

    Args:
        order: What to do.
        sent: What `packed` returned; None as long as nobody asks for it.

    Returns:
        What came of it; None where this process needs the task first.
    """
    with _busy:
        if order.task not in _held:
            if sent is None:
                return None
            try:
                _take_over(order.task, sent)
            except BaseException as error:  # whatever the user's modules do
                return _refused(error)
        torch.set_num_threads(order.threads)  # of this thread, as OpenMP counts
        return _done(_held[order.task], order)


def _refused(error: BaseException, what: str = "") -> Answer:
    why = str(error) if isinstance(error, AutoActError) else in_one_line(error)
    lacks = ""
    if isinstance(error, ImportError):
        lacks = ": what the search imports has to be installed there, or to travel with it (docs, Executors)"
    return Answer(refused=f"{what}{why.rstrip('.')} (on {socket.gethostname()}){lacks}")


def _take_over(name: str, sent: bytes) -> None:
    file = io.BytesIO(sent)
    versions, path = pickle.load(file)
    here = _versions()
    if here != versions:
        found = [f"{what} {here[what]} in place of {versions[what]}" for what in here]
        other = [text for text, what in zip(found, here, strict=True) if here[what] != versions[what]]
        raise ConfigurationError(f"it has {', '.join(other)}: install what the search itself has")
    sys.path += [folder for folder in path if folder not in sys.path and Path(folder).is_dir()]
    hold(name, received(file))


def _versions() -> dict[str, str]:
    python = ".".join(platform.python_version_tuple()[:2])
    return {"autoact": autoact.__version__, "torch": torch.__version__.partition("+")[0], "python": python}


def _done(task: Task, order: Order) -> Answer:
    asked, extras = pickle.loads(order.content)
    if not asked:
        return _rehearsed(task, order)
    with TemporaryDirectory(prefix="autoact-") as folder:
        here = placed(extras, Path(folder))
        try:
            with _within(order):
                ended: Any = perform_stack(task, asked, here)
        except BaseException as error:  # sys.exit of the user's code ends a training, not the worker
            return Answer(ended=in_one_line(error))
        files, said = collected(here, extras, order.mark)
        if isinstance(ended, list):
            remark = ended[0].remark or ""
            for path, wanted in ((here.checkpoint, extras.checkpoint), (here.logs, extras.logs)):
                remark = remark.replace(str(path), str(wanted))
            ended[0] = replace(ended[0], remark=remark).remarked(said)
        return Answer(ended=ended, files=files)


def _rehearsed(task: Task, order: Order) -> Answer:
    """Train for a step: data or a device that this machine lacks are told before the search begins."""
    if isinstance(task, ModelTask) and order.driver != this_process():
        try:
            with _within(order), warnings.catch_warnings(action="ignore"):
                train(
                    task.make_module,
                    task.parts.rehearsal(),
                    seed=0,
                    monitor=task.monitor,
                    trainer=task.trainer,
                    limit_fraction=1e-9,
                )
        except BaseException as error:  # whatever the user's code raises
            return _refused(error, "the model trains where the search runs, and not there: ")
    return Answer()


@contextmanager
def _within(order: Order) -> Iterator[None]:
    """End this process, whatever hangs in it, where trainings take too long; standard error tells where."""
    ends = order.seconds < math.inf and order.driver != this_process()
    if ends:
        faulthandler.dump_traceback_later(order.seconds, exit=True, file=2)
    try:
        yield
    finally:
        if ends:
            faulthandler.cancel_dump_traceback_later()
