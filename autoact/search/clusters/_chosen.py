"""Chosen executor: from the settings of a search to where its trainings run."""

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

from autoact.errors import ConfigurationError, log
from autoact.report import duration
from autoact.search.clusters._cluster import Cluster
from autoact.search.clusters._dask import DaskCluster
from autoact.search.clusters._futures import Futures, pool_of
from autoact.search.clusters._ray import RayCluster
from autoact.search.clusters._remote import PATIENCE, Remote
from autoact.search.executors import executor_for, threads_as_in, with_threads
from autoact.search.setup import Settings
from autoact.search.trainings import Executor, Task
from autoact.training.fit import devices_of


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlace:
    """Place where trainings run.

    Attributes:
        workers: How many at the same time.
        executor: Gives what does the trainings of a task, with the limits of the settings.
        as_there: Lets torch use as many threads here as there.
    """

    workers: int
    executor: Callable[[Task, Settings], AbstractContextManager[Executor]]
    as_there: Callable[[], AbstractContextManager[None]]


@contextmanager
def place_for(settings: Settings) -> Iterator[TrainingPlace]:
    """Connect to where the trainings of a search are to run.

    Args:
        settings: Of the search.

    Raises:
        ConfigurationError: There is no such place, or it cannot give what is asked for.
        MissingPackageError: The library that it belongs to is not installed.
        SearchFailedError: It does not answer.
    """
    workers = settings.parallel
    if settings.is_local:
        yield TrainingPlace(
            workers=workers,
            executor=executor_for,
            as_there=partial(threads_as_in, workers),
        )
        return
    _check(settings)
    cluster, abandon = _cluster(settings), True
    try:
        yield _elsewhere(cluster, settings)
        abandon = False
    finally:
        cluster.close(abandon=abandon)


def _elsewhere(cluster: Cluster, settings: Settings) -> TrainingPlace:
    offered, needed = cluster.offered(), _needed(settings)
    if not offered:
        said = "%s has no worker with %s yet; the search waits for one, at most %s."
        log.warning(said, cluster.name, needed, duration(PATIENCE))
    threads = max(int(needed["cpus"]), 1)
    return TrainingPlace(
        workers=max(min(offered, settings.workers or offered), 1),
        executor=partial(_remote, cluster=cluster, most=settings.workers, threads=threads),
        as_there=partial(with_threads, threads),
    )


@contextmanager
def _remote(
    task: Task, settings: Settings, *, cluster: Cluster, most: int | None, threads: int
) -> Iterator[Executor]:
    remote = Remote(task, cluster, most, threads, settings.training_timeout or math.inf)
    try:
        yield remote
    finally:
        remote.stop()


def _needed(settings: Settings) -> dict[str, float]:
    return {"cpus": 1, **settings.resources}


def _check(settings: Settings) -> None:
    """Refuse what only local processes can give."""
    where = f"executor is {settings.to_dict()['executor']!r}"
    if settings.memory_limit is not None:
        raise ConfigurationError(
            f"{where}, and memory_limit is for local processes. Leave it out; instead, resources: {{memory: "
            "BYTES}} is Ray's, and Dask's workers are started with --memory-limit."
        )
    if (devices := devices_of(settings.trainer)) > 1:
        raise ConfigurationError(
            f"{where}, and the trainer's devices are {devices}, for which local processes are started. Train "
            "on one device each, or with executor local."
        )


def _cluster(settings: Settings) -> Cluster:
    given, needed = settings.executor, _needed(settings)
    if isinstance(given, str) and given.partition("://")[0] == "ray":
        return RayCluster(given, needed)
    if isinstance(given, str) and given.startswith("dask://"):
        return DaskCluster(given, needed)
    if len(needed) > 1:
        raise ConfigurationError(
            f"resources is {dict(settings.resources)}; an executor of one's own gives its workers what they "
            "have. Leave out all but cpus, the threads of torch: the others are for Ray and Dask."
        )
    if isinstance(given, str):
        make = pool_of(given)
        return Futures(make(), f"The executor {given}", settings.workers, make)
    return Futures(given, f"The executor {type(given).__name__}", settings.workers, None)
