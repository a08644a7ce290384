"""Dask cluster: a training is a task of one of its workers."""

import logging
from collections.abc import Mapping
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from typing import Any

from autoact.errors import SearchFailedError, needs
from autoact.search.clusters._cluster import NoRoomError
from autoact.search.clusters._elsewhere import Answer, Order, work

_NAMES = {"gpus": "GPU"}  # as workers usually name it: `dask worker --resources "GPU=1"`


class WorkerLost(Exception):
    """A worker that its scheduler does not list any more."""


class DaskCluster:
    """Cluster of Dask: each worker process trains one at a time, whatever its number of threads.

    A task is bound to a worker: Dask itself would repeat it elsewhere, and nobody would know how often.

    Args:
        address: "dask://HOST:PORT" of the scheduler.
        resources: Of each training; what workers have is what they were started with.

    Raises:
        MissingPackageError: Dask is not installed.
        SearchFailedError: There is no scheduler.
    """

    together = False

    def __init__(self, address: str, resources: Mapping[str, float]) -> None:
        with needs("distributed", f"executor: {address}"):
            from distributed import Client
            from distributed.scheduler import KilledWorker
        # the last one: of its connection
        self.lost: tuple[type[BaseException], ...] = (WorkerLost, KilledWorker, CancelledError, OSError)
        self.name = f"The Dask cluster at {address}"
        self._needed = {_NAMES.get(name, name): each for name, each in resources.items() if name != "cpus"}
        try:
            self._client: Any = Client(address.replace("dask://", "tcp://", 1), set_as_default=False)
        except (OSError, ValueError) as error:
            raise SearchFailedError(f"{self.name} does not answer: {error}") from error
        self._busy: dict[Future[Answer | None], tuple[str, Any]] = {}
        self._workers: set[str] = set()
        self._sent: Any = None

    def offered(self) -> int:
        """Return how many workers have what a training needs; those that are lost fail what they did."""
        known = self._client.scheduler_info(n_workers=-1)["workers"]
        self._workers = {name for name, worker in known.items() if self._suffices(worker["resources"])}
        for future, (name, _) in [*self._busy.items()]:
            if name not in known:
                self.cancel(future)
                _settle(future, WorkerLost(f"{name} is gone"))
        return len(self._workers)

    def _suffices(self, offered: Mapping[str, float]) -> bool:
        return all(offered.get(name, 0) >= each for name, each in self._needed.items())

    def shared(self, sent: bytes) -> Any:
        """Return the task as data of a worker, from which others get it."""
        if self._sent is None or self._sent.status != "finished":
            self._sent = self._client.scatter(sent, hash=False)
        return self._sent

    def submit(self, order: Order, task: Any) -> "Future[Answer | None]":
        """Begin a task at a worker that is idle.

        Raises:
            NoRoomError: All are busy.
        """
        taken = {name for name, _ in [*self._busy.values()]}
        free = sorted(self._workers - taken)
        if not free:
            raise NoRoomError
        there = self._client.submit(work, order, task, pure=False, workers=free[:1], resources=self._needed)
        future: Future[Answer | None] = Future()
        self._busy[future] = free[0], there
        future.add_done_callback(self._busy.pop)
        there.add_done_callback(lambda ended: _pass_on(ended, future))
        return future

    def cancel(self, future: "Future[Answer | None]") -> None:
        """Cancel a task that waits; one that runs ends, for nobody."""
        if future in self._busy:
            self._busy[future][1].cancel()

    def close(self, *, abandon: bool) -> None:
        """Disconnect."""
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
        self._client.close(timeout=2 if abandon else None)


def _pass_on(ended: Any, future: "Future[Answer | None]") -> None:
    try:
        _settle(future, ended.result())
    except BaseException as error:  # it has been cancelled, or a worker cannot import what it gets
        _settle(future, error)


def _settle(future: "Future[Answer | None]", result: Any) -> None:
    with suppress(InvalidStateError):  # whoever comes first: the worker's end, or its result
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
