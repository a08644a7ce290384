"""Futures of another library: an executor of `concurrent.futures` as a cluster."""

import os
import sys
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future
from concurrent.futures import Executor as Pool
from importlib import import_module
from typing import Any

from autoact.errors import ConfigurationError
from autoact.search.clusters._cluster import ClusterGoneError
from autoact.search.clusters._elsewhere import Answer, Order, work


class Futures:
    """Cluster that is an executor of `concurrent.futures`; one that breaks takes all its trainings with it.

    Args:
        pool: The executor.
        name: In messages.
        most: Trainings at the same time, where the executor does not say how many workers it has.
        again: Makes another one when it breaks, which is then ours to shut down; None for one that is not.
    """

    lost: tuple[type[BaseException], ...] = (BrokenExecutor,)
    together = True

    def __init__(self, pool: Pool, name: str, most: int | None, again: Callable[[], Pool] | None) -> None:
        self._pool, self.name, self._most, self._again = pool, name, most, again

    def offered(self) -> int:
        """Return how many workers it says it has."""
        return getattr(self._pool, "_max_workers", None) or self._most or 1

    def shared(self, sent: bytes) -> bytes:
        """Return the task: it goes with the first training of each process."""
        return sent

    def submit(self, order: Order, task: bytes | None) -> "Future[Answer | None]":
        """Have a worker call `work`, of a new executor where this one is broken.

        Raises:
            ClusterGoneError: It is broken, and nobody can make another one.
        """
        try:
            return self._pool.submit(work, order, task)
        except BrokenExecutor as error:
            if self._again is None:
                raise ClusterGoneError(
                    f"{self.name} is broken: {error} Give a new one, or 'module:function', which makes one."
                ) from error
            self._pool = self._again()
            return self._pool.submit(work, order, task)

    def cancel(self, future: "Future[Answer | None]") -> None:
        """Cancel what has not begun."""
        future.cancel()

    def close(self, *, abandon: bool) -> None:
        """Shut it down, if it is ours."""
        if self._again is not None:
            self._pool.shutdown(wait=not abandon)


def pool_of(name: str) -> Callable[[], Pool]:
    """Return what makes an executor.

    Args:
        name: "module:function".

    Raises:
        ConfigurationError: There is no such function, or it makes something else.
    """
    module, _, path = name.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        make: Any = import_module(module)
        for part in path.split("."):
            make = getattr(make, part)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(
            f"executor is {name!r}, and that cannot be imported: {error}. It must be module:function of a "
            "function that returns a concurrent.futures.Executor; PYTHONPATH names folders of modules."
        ) from error

    def made() -> Pool:
        pool = make()
        if isinstance(pool, Pool):
            return pool
        raise ConfigurationError(
            f"executor: {name} returned {pool!r}; it must return a concurrent.futures.Executor."
        )

    return made
