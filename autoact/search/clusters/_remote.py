"""Remote executor: trainings where a cluster has room; one that is lost with its worker is repeated."""

import math
import queue
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from autoact.errors import SearchFailedError, in_one_line, log
from autoact.records import Training
from autoact.report import duration
from autoact.search.clusters._cluster import Cluster, ClusterGoneError, NoRoomError
from autoact.search.clusters._elsewhere import Answer, Order, hold, packed, release, this_process
from autoact.search.clusters._written_files import absolute, mark, write
from autoact.search.executors import pickled
from autoact.search.trainings import NO_EXTRAS, Ended, Extras, Task, Undone, failed

BEAT = 1.0  # seconds between two looks at what a cluster offers
SILENT = 30.0  # seconds after which a cluster that does not answer is gone
PATIENCE = 600.0  # seconds that a cluster without workers is waited for
_REPEATED = 2  # times at most that a training is repeated whose worker was lost


@dataclass(eq=False, slots=True, kw_only=True)
class _Open:
    """An order that has no answer yet.

    Attributes:
        order: What a worker gets.
        asked: The trainings.
        answer: What will come of it.
        losses: How many workers were lost over it.
        began: When it was given to the cluster.
        inner: The future of the cluster, while it runs.
    """

    order: Order
    asked: Sequence[Training]
    answer: "Future[Any]"
    losses: int = 0
    began: float = 0.0
    inner: "Future[Answer | None] | None" = None


class Remote:
    """Executor whose trainings a cluster does.

    One thread looks at the cluster; another one owns what is open, so that nothing is done twice.

    Args:
        task: What all trainings share.
        cluster: Where they run.
        most: How many at the same time at most; None: what the cluster offers.
        threads: Of torch, for each.
        seconds: That each may take; one in a stack of several has as much, as they would have one by one.
    """

    def __init__(
        self,
        task: Task,
        cluster: Cluster,
        most: int | None,
        threads: int,
        seconds: float = math.inf,
    ) -> None:
        self._task, self._cluster, self._most, self._threads = task, cluster, most, threads
        self._seconds, self._name = seconds, uuid4().hex
        self._sent: Any = None
        self._offer: int | None = None
        self._silent = self._empty = 0.0  # seconds
        self._why = ""
        self._events: queue.SimpleQueue[_Open | None] = queue.SimpleQueue()
        self._waiting: deque[_Open] = deque()
        self._running: list[_Open] = []
        self._gone: BaseException | None = None
        self._stopped = threading.Event()
        self._threads_of_its_own = [
            threading.Thread(target=target, name="autoact-cluster", daemon=True)
            for target in (self._serve, self._look)
        ]
        self._begun = False
        self._fresh = 0  # orders that came to a process without the task

    @property
    def workers(self) -> int:
        """How many trainings at the same time; the cluster may grow and shrink."""
        offer = self._offer or 1
        return offer if self._most is None else min(offer, self._most)

    def begin(self) -> None:
        """Have one worker take the task over.

        Raises:
            SearchFailedError: It cannot, or there is none.
        """
        self._begun, self._sent = True, packed(self._task, self._threads)
        hold(self._name, self._task)  # threads of this process need no copy
        for thread in self._threads_of_its_own:
            thread.start()
        answer = self._open((), NO_EXTRAS).result()
        if isinstance(answer, Undone):
            raise SearchFailedError(f"A worker cannot begin: {answer.why}.")
        if answer.process == this_process():
            self._most = 1
            said = "%s trains in this process: one training at a time, however long it takes."
            log.warning(said, self._cluster.name)

    def submit(self, asked: Sequence[Training], extras: Extras) -> Future[Ended]:
        """Begin a training, or several as one."""
        if not self._begun:
            self.begin()
        return self._open(asked, extras)

    def stop(self) -> None:
        """Cancel what runs, and forget it."""
        self._stopped.set()
        self._events.put(None)
        for thread in self._threads_of_its_own if self._begun else ():
            thread.join(2 * BEAT)  # the cluster may not answer
        for each in (*self._running, *self._waiting):
            self._cancel(each)
        release(self._name)

    def _open(self, asked: Sequence[Training], extras: Extras) -> "Future[Any]":
        wanted = absolute(extras)
        order = Order(
            task=self._name,
            content=pickled((asked, wanted)),
            mark=mark(wanted),
            threads=self._threads,
            seconds=self._seconds * max(len(asked), 1),
            driver=this_process(),
        )
        each = _Open(order=order, asked=asked, answer=Future())
        if self._gone is not None:
            raise self._gone
        self._events.put(each)
        return each.answer

    def _look(self) -> None:
        """Ask the cluster again and again; where it does not answer, nobody waits for this thread."""
        while not self._stopped.is_set():
            try:
                offer = self._cluster.offered()
            except Exception as error:  # whatever a library raises of a connection
                self._offer, self._why = None, f": {in_one_line(error)}"
            else:
                self._offer, self._silent = offer, 0.0
                self._empty = self._empty if offer == 0 else 0.0
            self._events.put(None)
            self._stopped.wait(BEAT)

    def _serve(self) -> None:
        try:
            before = time.monotonic()
            while not self._stopped.is_set():
                with suppress(queue.Empty):
                    self._take(self._events.get(timeout=BEAT))
                now = time.monotonic()
                self._watch(min(now - before, 2 * BEAT))  # this process may have been stopped for hours
                before = now
                while self._waiting and self._may_start(self._waiting[0]):
                    self._start(self._waiting.popleft(), None)
        except BaseException as error:  # nobody may wait for ever
            self._fail(error)
            raise

    def _take(self, each: _Open | None) -> None:
        if each is None or each.answer.done():  # it was given up before
            return
        if self._gone is not None:
            self._refuse(each, self._gone)
        elif each.inner is None:
            self._waiting.append(each)
        else:
            self._running.remove(each)
            self._ended(each, each.inner)

    def _watch(self, seconds: float) -> None:
        """Give up a cluster that has been silent or without workers for too long."""
        self._silent += seconds
        self._empty += seconds
        if self._gone is None and self._silent > SILENT:
            self._fail(ClusterGoneError(f"{self._cluster.name} does not answer any more{self._why}."))
        elif self._gone is None and self._empty > PATIENCE:
            wait = f"{PATIENCE:.0f} seconds"
            self._fail(ClusterGoneError(f"{self._cluster.name} has offered no worker for {wait}."))

    def _may_start(self, each: _Open) -> bool:
        """Tell whether there is room; what may have ended others with its worker runs alone.

        What only gets a worker ready waits in the cluster itself, where an autoscaler sees it and starts one.
        """
        if not each.asked and self._offer is not None:
            return True
        alone = self._cluster.together and any(one.losses for one in (each, *self._running))
        return len(self._running) < (1 if alone else self._offer or 0)

    def _start(self, each: _Open, task: Any) -> None:
        self._running.append(each)
        each.began = time.monotonic()
        if task is None and self._fresh > 2 * self.workers:  # each order has a process of its own
            task = self._cluster.shared(self._sent)
        try:
            each.inner = self._cluster.submit(each.order, task)
        except NoRoomError:
            self._running.remove(each)
            self._wait(each)
            return
        except Exception as error:  # a broken pool says so at once
            each.inner = Future()
            each.inner.set_exception(error)
        each.inner.add_done_callback(lambda _: self._events.put(each))

    def _ended(self, each: _Open, inner: "Future[Answer | None]") -> None:
        try:
            answer = inner.result()
        except ClusterGoneError as error:
            self._running.append(each)
            self._fail(error)
        except self._cluster.lost as error:
            self._repeat(each, in_one_line(error))
        except Exception as error:  # of the cluster or its connection: trainings tell their own
            self._refuse(each, SearchFailedError(f"A worker cannot begin: {in_one_line(error)}."))
        else:
            self._answered(each, answer)

    def _answered(self, each: _Open, answer: Answer | None) -> None:
        if answer is None:
            self._fresh += 1
            self._start(each, self._cluster.shared(self._sent))
        elif answer.refused:
            self._refuse(each, SearchFailedError(f"A worker cannot begin: {answer.refused}."))
        else:
            self._finish(each, answer if not each.asked else _kept(each, answer))

    def _repeat(self, each: _Open, why: str) -> None:
        each.losses += 1
        if time.monotonic() - each.began > each.order.seconds:
            longer = f"it took longer than {duration(each.order.seconds)}"
            said = f"{longer}: it hangs, or training_timeout has to be more"
            self._finish(each, _given_up(each, said))
        elif each.losses > _REPEATED:
            self._finish(each, _given_up(each, f"its worker was lost {each.losses} times ({why})"))
        else:
            self._wait(each)

    def _wait(self, each: _Open) -> None:
        """Let it wait for the next look at the cluster, before all others."""
        each.inner = self._offer = None
        self._waiting.appendleft(each)

    def _finish(self, each: _Open, result: Any) -> None:
        if each.order.mark is not None:
            each.order.mark.unlink(missing_ok=True)
        each.answer.set_result(result)

    def _fail(self, error: BaseException) -> None:
        self._gone = error
        for each in (*self._running, *self._waiting):
            self._refuse(each, error)
        self._running.clear()
        self._waiting.clear()

    def _refuse(self, each: _Open, error: BaseException) -> None:
        self._cancel(each)
        each.answer.set_exception(error)

    def _cancel(self, each: _Open) -> None:
        if each.order.mark is not None:
            each.order.mark.unlink(missing_ok=True)
        if each.inner is not None:
            with suppress(Exception):  # what is gone cannot be cancelled
                self._cluster.cancel(each.inner)


def _kept(each: _Open, answer: Answer) -> Ended:
    """Write the files that came back; return what came of the trainings."""
    said = write(answer.files)
    if isinstance(answer.ended, str):
        return _given_up(each, answer.ended)
    if said and isinstance(answer.ended, list):
        first, *others = answer.ended
        return [first.remarked(said), *others]
    return answer.ended


def _given_up(each: _Open, why: str) -> Ended:
    return [failed(each.asked[0], why)] if len(each.asked) == 1 else Undone(why)
