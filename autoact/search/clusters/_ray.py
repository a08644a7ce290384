"""Ray cluster: a training is a Ray task with the resources that it needs."""

import logging
import signal
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from autoact.errors import ConfigurationError, SearchFailedError, needs
from autoact.search.clusters._elsewhere import Answer, Order, work

_NAMES = {"cpus": "CPU", "gpus": "GPU"}  # as nodes name what they have; others are named alike


class RayCluster:
    """Cluster of Ray: the one that this process is connected to, or as Ray finds it.

    Args:
        address: "ray" or "ray://HOST:PORT".
        resources: Of each training.

    Raises:
        ConfigurationError: This process is connected to another cluster already.
        MissingPackageError: Ray is not installed.
        SearchFailedError: There is no such cluster.
    """

    together = False

    def __init__(self, address: str, resources: Mapping[str, float]) -> None:
        with needs("ray", f"executor: {address}"):
            import ray
        self._ray, self._needed = ray, {_NAMES.get(name, name): each for name, each in resources.items()}
        self.name = "The Ray cluster" if address == "ray" else f"The Ray cluster at {address}"
        known = ray.exceptions
        self.lost: tuple[type[BaseException], ...] = (
            known.WorkerCrashedError,
            known.NodeDiedError,
            known.OutOfMemoryError,
            known.LocalRayletDiedError,
            known.ObjectLostError,
            ConnectionError,
        )
        self._connected = self._connect(address)
        own = {name: each for name, each in resources.items() if name not in ("cpus", "gpus", "memory")}
        options: dict[str, Any] = {
            "num_cpus": resources["cpus"],
            "num_gpus": resources.get("gpus", 0),
            "memory": resources.get("memory"),
            "resources": own,
            "max_retries": 0,
        }
        self._work: Any = ray.remote(**options)(work)
        self._references: dict[Future[Answer | None], Any] = {}
        self._sent: Any = None

    def _connect(self, address: str) -> bool:
        """Connect to a cluster, unless this process is; return whether that is ours to end."""
        if self._ray.is_initialized():
            if address == "ray":
                return False
            raise ConfigurationError(
                f"executor is {address!r}, and this process is connected to a Ray cluster already: give "
                "executor='ray' to use that one, or call ray.shutdown() before."
            )
        where: dict[str, Any] = {} if address == "ray" else {"address": address}
        with _own_handler():
            try:
                self._ray.init(**where, log_to_driver=False, logging_level=logging.WARNING)
            except Exception as error:  # of many kinds, some of which only say that there was a timeout
                raise SearchFailedError(f"{self.name} does not answer: {error}") from error
        return True

    def offered(self) -> int:
        """Return how many trainings fit into its nodes."""
        return sum(self._fitting(node["Resources"]) for node in self._ray.nodes() if node["Alive"])

    def _fitting(self, offered: Mapping[str, float]) -> int:
        return min(int(offered.get(name, 0) / each + 1e-9) for name, each in self._needed.items())

    def shared(self, sent: bytes) -> Any:
        """Return the task in the object store."""
        if self._sent is None:
            self._sent = self._ray.put(sent)
        return self._sent

    def submit(self, order: Order, task: Any) -> "Future[Answer | None]":
        """Begin a task."""
        reference = self._work.remote(order, task)
        future: Future[Answer | None] = reference.future()
        self._references[future] = reference
        future.add_done_callback(self._references.pop)
        return future

    def cancel(self, future: "Future[Answer | None]") -> None:
        """End the task and its process."""
        if future in self._references:
            self._ray.cancel(self._references[future], force=True)

    def close(self, *, abandon: bool) -> None:
        """Disconnect, if this object has connected."""
        if self._connected:
            self._ray.shutdown()


@contextmanager
def _own_handler() -> Iterator[None]:
    """Keep what is done at a SIGTERM: Ray puts its own in, which does not let a run end as it should."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        main = threading.current_thread() is threading.main_thread()
        if main and before is not None:
            signal.signal(signal.SIGTERM, before)
