"""Cluster: what a search needs of Ray, Dask, or any executor of `concurrent.futures`."""

from concurrent.futures import Future
from typing import Any, Protocol

from autoact.errors import SearchFailedError
from autoact.search.clusters._elsewhere import Answer, Order


class ClusterGoneError(SearchFailedError):
    """A cluster that is not there any more; what has ended is in the ledger, the rest waits for a resume."""


class NoRoomError(Exception):
    """A cluster that has shrunk since it was looked at."""


class Cluster(Protocol):
    """Whatever can run a function elsewhere.

    Attributes:
        name: In messages.
        lost: What its futures raise when a worker is lost.
        together: Whether a worker that is lost takes with it what others do.
    """

    name: str
    lost: tuple[type[BaseException], ...]
    together: bool

    def offered(self) -> int:
        """Return how many trainings it has room for, those that run included."""

    def shared(self, sent: bytes) -> Any:
        """Return what stands for a task in `submit`; it travels once."""

    def submit(self, order: Order, task: Any) -> "Future[Answer | None]":
        """Have a worker call `work`.

        Raises:
            NoRoomError: All are busy.
        """

    def cancel(self, future: "Future[Answer | None]") -> None:
        """Stop it, if that is possible."""

    def close(self, *, abandon: bool) -> None:
        """Leave the cluster."""
