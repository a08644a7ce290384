"""Sending of a task to another process: what that process could not import goes by value.

Classes and functions of a notebook's cells, of standard input or of a script are such, lambdas and those
made inside functions, too.
"""

import inspect
import io
import pickle
import sys
from collections.abc import Iterator
from contextlib import suppress
from types import FunctionType, ModuleType
from typing import IO, Any

import cloudpickle
import torch

from autoact.errors import ConfigurationError
from autoact.search.executors._session import Session, is_importable

Made = list[tuple[str, str, Any]]  # module, name and value of what was sent by value


class _Sender(cloudpickle.Pickler):
    """A pickler that sends what cannot be imported by value, and remembers it."""

    def __init__(self, file: Any) -> None:
        super().__init__(file)
        self.made: dict[tuple[str, str], Any] = {}
        self.functions: list[FunctionType] = []
        self._registered: list[ModuleType] = []

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, FunctionType):
            self.functions.append(obj)
        if isinstance(obj, type | FunctionType):
            self._note(obj, sys.modules.get(obj.__module__ or ""))
        return super().reducer_override(obj)

    def _note(self, obj: Any, module: ModuleType | None) -> None:
        if module is None or is_importable(module.__name__):
            return
        if module.__name__ != "__main__" and module not in self._registered:
            cloudpickle.register_pickle_by_value(module)
            self._registered.append(module)
        name: str = obj.__qualname__
        if getattr(module, name, None) is obj:
            self.made[module.__name__, name] = obj

    def dump(self, obj: Any) -> None:
        try:
            super().dump(obj)
        finally:
            for module in self._registered:
                cloudpickle.unregister_pickle_by_value(module)
            self._registered.clear()


def send(task: Any, threads: int, file: Any) -> None:
    """Write a session and a task.

    Args:
        task: Any object.
        threads: How many torch is to use for it.
        file: Where to write them.

    Raises:
        ConfigurationError: Says what cannot be sent, and what to do.
    """
    sender = _Sender(file)
    try:
        sender.dump((Session.here(), threads))
        sender.dump(task)
        sender.dump([(*where, value) for where, value in sender.made.items()])
    except Exception as error:  # whatever a class of the user's raises when it is pickled
        held = next(_unsendable(sender.functions), "these")
        raise ConfigurationError(
            f"With more than one worker, model and data go to other processes, and {held} cannot: {error}. "
            "Make that inside the class or function that uses it, where each process makes its own, "
            "or set workers to 1 and executor to local."
        ) from error


def pickled(value: Any) -> bytes:
    """Return what `pickle.loads` reads in a process that has received a task.

    Args:
        value: Any object.
    """
    file = io.BytesIO()
    _Sender(file).dump(value)
    return file.getvalue()


def receive(file: IO[bytes]) -> Any:
    """Take the session over and return the task.

    Args:
        file: From which to read what `send` wrote.
    """
    reader = pickle.Unpickler(file)
    session, threads = reader.load()
    session.take_over()
    torch.set_num_threads(threads)
    task, made = reader.load(), reader.load()
    for module, name, value in made:  # where checkpoints and loader processes look for it
        setattr(sys.modules.setdefault(module, ModuleType(module)), name, value)
    return task


class _Nowhere:
    """A file that forgets."""

    def write(self, content: Any) -> int:
        return len(content)


def require_picklable(task: Any, *more: Any) -> None:
    """Refuse what cannot be sent to worker processes.

    Args:
        task: The task.
        *more: What is sent with single trainings.

    Raises:
        ConfigurationError: Says what cannot, and what to do.
    """
    send((task, more), 1, _Nowhere())


def _unsendable(functions: list[FunctionType]) -> Iterator[str]:
    """Iterate over variables of functions that cannot be sent, in words."""
    for function in functions:
        with suppress(ValueError):  # a variable that has no value yet
            used = inspect.getclosurevars(function)
            for name, value in {**used.globals, **used.nonlocals}.items():
                if not isinstance(value, type | FunctionType | ModuleType) and _raises(value):
                    yield f"{name!r}, which {function.__qualname__} uses,"


def _raises(value: Any) -> bool:
    try:
        _Sender(_Nowhere()).dump(value)
    except Exception:  # whatever the value's class raises
        return True
    return False
