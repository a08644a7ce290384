"""Trainings elsewhere: repeated when a worker is lost, never for ever, and nothing waits for what is gone."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from autoact.errors import SearchFailedError
from autoact.records import Training
from autoact.search.clusters import ClusterGoneError
from autoact.search.clusters._cluster import NoRoomError
from autoact.search.clusters._elsewhere import Answer, Order, work
from autoact.search.clusters._remote import Remote
from autoact.search.trainings import NO_EXTRAS, Extras, Undone
from autoact.spaces import Assignment
from autoact.training import Measurement

Ending = Callable[[Order, Any], Answer | None]


class Lost(Exception):
    """A worker is lost."""


class Measured:
    """Task whose value is the seed, and whose checkpoint holds it."""

    def measure(self, training: Training, extras: Extras) -> Measurement:
        if extras.checkpoint is not None:
            extras.checkpoint.parent.mkdir(parents=True)
            extras.checkpoint.write_text(str(training.seed))
        value = float(training.seed)
        return Measurement(selection=value, steps=1, planned_steps=1, seconds=0.0)


def done(order: Order, sent: Any) -> Answer:
    """Work in this process, and say that it was another one."""
    answer = work(order, sent)
    assert answer is not None
    return replace(answer, process=("elsewhere", 1))


def lost(order: Order, sent: Any) -> Answer:
    raise Lost("power")


def full(order: Order, sent: Any) -> Answer:
    raise NoRoomError


def needs_the_task(order: Order, sent: Any) -> Answer | None:
    return None if sent is None else done(order, sent)


@dataclass
class Cluster:
    """Cluster that does what it is told, order by order, and then everything."""

    endings: list[Ending] = field(default_factory=list)
    size: int | Exception = 1
    together: bool = False
    name: str = "The cluster"
    lost: tuple[type[BaseException], ...] = (Lost,)
    most: int = 0
    running: int = 0
    submitted: int = 0
    looks: int = 0
    sendings: int = 0
    cancelled: int = 0
    held: threading.Event | None = None

    def offered(self) -> int:
        self.looks += 1
        if isinstance(self.size, Exception):
            raise self.size
        return self.size

    def shared(self, sent: bytes) -> bytes:
        self.sendings += 1
        return sent

    def submit(self, order: Order, task: Any) -> "Future[Answer | None]":
        ending = self.endings.pop(0) if self.endings else done
        if ending is full:
            raise NoRoomError
        self.submitted += 1
        self.running += 1
        self.most = max(self.most, self.running)
        future: Future[Answer | None] = Future()
        threading.Thread(target=self._carry_out, args=(ending, order, task, future)).start()
        return future

    def _carry_out(self, ending: Ending, order: Order, task: Any, future: "Future[Answer | None]") -> None:
        if self.held is not None:
            self.held.wait(60)
        if future.cancelled():  # the run that asked may be over, and its task gone
            self.running -= 1
            return
        try:
            result: Any = ending(order, task)
        except Lost as error:
            self.running -= 1
            future.set_exception(error)
        else:
            self.running -= 1
            with suppress(InvalidStateError):  # cancelled meanwhile
                future.set_result(result)

    def cancel(self, future: "Future[Answer | None]") -> None:
        self.cancelled += 1
        future.cancel()

    def close(self, *, abandon: bool) -> None:
        pass


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autoact.search.clusters._remote.BEAT", 0.02)


@pytest.fixture
def remote() -> Iterator[Callable[..., Remote]]:
    made: list[Remote] = []

    def make(cluster: Cluster, most: int | None = None, seconds: float = math.inf) -> Remote:
        made.append(Remote(Measured(), cluster, most, threads=1, seconds=seconds))
        return made[-1]

    yield make
    for each in made:
        each.stop()


def asked(seed: int) -> Training:
    return Training(phase="baseline", label="relu", assignment=Assignment({"net.1": "relu"}), seed=seed)


def test_a_training_is_done_once_and_tells_its_value(remote: Callable[..., Remote]) -> None:
    cluster = Cluster()
    (ended,) = trained(remote(cluster).submit([asked(3)], NO_EXTRAS))
    assert (ended.state, ended.selection) == ("finished", 3.0)
    assert cluster.submitted == 2  # one made sure that a worker can begin


@pytest.mark.parametrize("losses", [1, 2])
def test_a_lost_training_is_repeated(remote: Callable[..., Remote], losses: int) -> None:
    cluster = Cluster([done, *[lost] * losses])
    (ended,) = trained(remote(cluster).submit([asked(3)], NO_EXTRAS))
    assert (ended.state, ended.selection) == ("finished", 3.0)
    assert cluster.submitted == 2 + losses


def test_a_training_that_is_lost_three_times_has_failed(remote: Callable[..., Remote]) -> None:
    cluster = Cluster([done, lost, lost, lost])
    (ended,) = trained(remote(cluster).submit([asked(3)], NO_EXTRAS))
    assert (ended.state, ended.error) == ("failed", "its worker was lost 3 times (Lost: power)")
    assert cluster.submitted == 4


def test_a_training_whose_worker_ended_because_it_took_too_long_is_not_repeated(
    remote: Callable[..., Remote],
) -> None:
    def hangs(order: Order, sent: Any) -> Answer:
        time.sleep(0.1)
        raise Lost("it has ended itself")

    cluster = Cluster([done, hangs])
    (ended,) = trained(remote(cluster, seconds=0.05).submit([asked(3)], NO_EXTRAS))
    assert ended.error is not None
    assert ended.error.endswith(": it hangs, or training_timeout has to be more")
    assert cluster.submitted == 2


def test_a_stack_that_is_lost_three_times_is_to_be_done_in_parts(remote: Callable[..., Remote]) -> None:
    ended = remote(Cluster([done, lost, lost, lost])).submit([asked(3), asked(4)], NO_EXTRAS).result(60)
    assert ended == Undone("its worker was lost 3 times (Lost: power)")


def test_no_worker_that_can_begin_is_an_error_at_the_start(remote: Callable[..., Remote]) -> None:
    with pytest.raises(SearchFailedError, match=r"^A worker cannot begin: its worker was lost 3 times"):
        remote(Cluster([lost, lost, lost])).begin()
    with pytest.raises(SearchFailedError, match=r"^A worker cannot begin: no such module \(on host\)\.$"):
        remote(Cluster([lambda order, sent: Answer(refused="no such module (on host)")])).begin()


def test_the_task_is_sent_to_a_process_that_asks_for_it(remote: Callable[..., Remote]) -> None:
    cluster = Cluster([needs_the_task, needs_the_task, done])
    there = remote(cluster)
    there.begin()
    assert (cluster.submitted, cluster.sendings) == (2, 1)
    there.submit([asked(1)], NO_EXTRAS).result(60)
    assert (cluster.submitted, cluster.sendings) == (3, 1)


@pytest.mark.slow
def test_processes_that_live_for_one_order_get_the_task_with_it(remote: Callable[..., Remote]) -> None:
    cluster = Cluster([needs_the_task] * 20)
    there = remote(cluster)
    for seed in range(6):
        there.submit([asked(seed)], NO_EXTRAS).result(60)
    assert cluster.sendings == 7
    assert cluster.submitted == 3 * 2 + 4  # the first three were asked for twice


@pytest.mark.slow
def test_no_more_are_in_flight_than_the_cluster_offers(remote: Callable[..., Remote]) -> None:
    cluster = Cluster(size=3)
    there = remote(cluster)
    there.begin()
    assert there.workers == 3
    cluster.held = threading.Event()
    futures = [there.submit([asked(seed)], NO_EXTRAS) for seed in range(6)]
    until(lambda: cluster.running == 3)
    cluster.held.set()
    assert [trained(future)[0].selection for future in futures] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert cluster.most == 3
    cluster.size = 5
    until(lambda: there.workers == 5)  # it has grown
    assert remote(cluster, 2).workers <= 2


def test_a_cluster_that_has_shrunk_is_asked_again(remote: Callable[..., Remote]) -> None:
    cluster = Cluster([done, full, full])
    (ended,) = trained(remote(cluster).submit([asked(3)], NO_EXTRAS))
    assert ended.selection == 3.0
    assert cluster.submitted == 2


def test_what_may_have_ended_others_runs_alone(remote: Callable[..., Remote]) -> None:
    """A pool that breaks loses everything: the next time the guilty one is alone, and only it fails."""
    cluster = Cluster(size=2, together=True)
    there = remote(cluster)
    there.begin()
    cluster.most = 0

    def fatal(order: Order, sent: Any) -> Answer:
        raise Lost("again")

    cluster.endings = [fatal, lost, fatal, fatal]  # the first two together, then the first one alone
    first, second = there.submit([asked(1)], NO_EXTRAS), there.submit([asked(2)], NO_EXTRAS)
    states = sorted(trained(future)[0].state for future in (first, second))
    assert states == ["failed", "finished"]


def test_a_cluster_that_is_silent_is_gone(
    remote: Callable[..., Remote], monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = Cluster()
    there = remote(cluster)
    there.begin()
    cluster.held = threading.Event()
    future = there.submit([asked(1)], NO_EXTRAS)
    until(lambda: cluster.running == 1)
    cluster.size = OSError("no route to host")
    seen(cluster)
    monkeypatch.setattr("autoact.search.clusters._remote.SILENT", 0.2)
    with pytest.raises(ClusterGoneError, match=r"^The cluster does not answer any more: OSError: no route"):
        future.result(60)
    assert cluster.cancelled == 1
    with pytest.raises(ClusterGoneError, match="does not answer any more"):
        there.submit([asked(2)], NO_EXTRAS)
    cluster.held.set()


def test_a_cluster_without_workers_is_waited_for_and_then_gone(
    remote: Callable[..., Remote], monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = Cluster(size=0)
    there = remote(cluster)
    there.begin()
    future = there.submit([asked(1)], NO_EXTRAS)
    seen(cluster)
    assert not future.done()
    cluster.size = 1
    assert trained(future)[0].state == "finished"
    cluster.size = 0
    seen(cluster)
    future = there.submit([asked(2)], NO_EXTRAS)
    monkeypatch.setattr("autoact.search.clusters._remote.PATIENCE", 0.4)
    with pytest.raises(ClusterGoneError, match=r"^The cluster has offered no worker for 0 seconds\.$"):
        future.result(60)


class Growing(Cluster):
    """Cluster that starts its first worker for what waits for one."""

    def submit(self, order: Order, task: Any) -> "Future[Answer | None]":
        self.size = 1
        return super().submit(order, task)


def test_a_cluster_that_starts_workers_on_demand_has_one_from_the_beginning(
    remote: Callable[..., Remote],
) -> None:
    cluster = Growing(size=0)
    (ended,) = trained(remote(cluster).submit([asked(3)], NO_EXTRAS))
    assert ended.selection == 3.0
    full_at_first = Cluster([full, full], size=0)
    remote(full_at_first).begin()  # one that gives tasks to workers only
    assert full_at_first.submitted == 1


def test_files_come_back(remote: Callable[..., Remote], tmp_path: Path) -> None:
    target = tmp_path / "run" / "final.ckpt"
    remote(Cluster()).submit([asked(7)], Extras(checkpoint=target)).result(60)
    assert target.read_text() == "7"
    assert [path.name for path in target.parent.iterdir()] == ["final.ckpt"]  # and nothing else is left


def test_trainings_in_this_process_are_one_at_a_time(
    remote: Callable[..., Remote], caplog: pytest.LogCaptureFixture
) -> None:
    cluster = Cluster([work], size=4)
    there = remote(cluster)
    there.begin()
    assert there.workers == 1
    said = "The cluster trains in this process: one training at a time, however long it takes."
    assert caplog.messages == [said]


def trained(future: "Future[list[Training] | Undone]") -> list[Training]:
    ended = future.result(60)
    assert isinstance(ended, list)
    return ended


def seen(cluster: Cluster) -> None:
    """Wait until its size has been looked at, and noted."""
    looks = cluster.looks
    until(lambda: cluster.looks > looks + 1)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
