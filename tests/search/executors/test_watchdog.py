"""What takes too much time or memory is ended, once, for its reason; time in which all is stopped is none."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autoact.search.executors import _watchdog
from autoact.search.executors._watchdog import Limits, Watchdog, can_tell_memory, memory_of
from tests.search.executors.clock import Clock


def wait(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


pytestmark = pytest.mark.usefixtures("often")


@pytest.fixture
def watching() -> Iterator[Callable[[Limits], Watchdog]]:
    made: list[Watchdog] = []

    def make(limits: Limits) -> Watchdog:
        made.append(Watchdog(limits))
        return made[-1]

    yield make
    for watchdog in made:
        watchdog.stop()


def test_what_takes_too_long_is_ended_once(watching: Any) -> None:
    ended: list[str] = []
    began = time.monotonic()
    with watching(Limits(seconds=0.2)).over(1, ended.append):
        wait(lambda: ended)
        assert time.monotonic() - began >= 0.2
        time.sleep(0.3)
    assert ended == ["it took longer than 0.2 s: it hangs, or training_timeout has to be more"]


def test_a_stack_has_the_time_of_its_trainings(watching: Any) -> None:
    alone: list[str] = []
    stack: list[str] = []
    watchdog = watching(Limits(seconds=0.2))
    with watchdog.over(1000, stack.append), watchdog.over(1, alone.append):
        wait(lambda: alone)
    assert stack == []


def test_what_has_ended_in_time_is_left_alone(watching: Any, clock: Clock) -> None:
    ended: list[str] = []
    with watching(Limits(seconds=0.2)).over(1, ended.append):
        clock.let_pass(0.1)
    clock.let_pass(0.5)
    assert ended == []


def test_time_in_which_this_process_was_stopped_does_not_count(watching: Any, clock: Clock) -> None:
    """SIGSTOP and continue: the clock goes on, nothing looks at it."""
    ended: list[str] = []
    with watching(Limits(seconds=100.0)).over(1, ended.append):
        clock.let_pass(0.2)
        clock.now += 10_000.0
        clock.let_pass(0.5)
    assert ended == []


def test_what_goes_on_is_ended_again_and_told(
    watching: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_watchdog, "_AGAIN", 0.1)
    ended: list[str] = []
    with watching(Limits(seconds=0.1)).over(1, ended.append):
        wait(lambda: len(ended) > 2)
    assert len(set(ended)) == 1
    assert "it hangs in compiled code" in caplog.text


@pytest.mark.skipif(not can_tell_memory(), reason="memory is told by /proc")
def test_a_group_that_takes_too_much_memory_is_ended(watching: Any) -> None:
    text = "import os, sys, time; x = os.urandom(1) * 300_000_000; print(flush=True); time.sleep(600)"
    big = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert big.stdout is not None
        big.stdout.readline()
        assert 300e6 < memory_of(big.pid) < 400e6
        ended: list[str] = []
        watchdog = watching(Limits(gigabytes=0.2))
        with watchdog.over(1, ended.append, big.pid), watchdog.over(1, ended.append, None):
            wait(lambda: ended)
        assert ended == ["not enough memory: it took 0.3 GB of 0.2 GB (memory_limit)"]
    finally:
        big.kill()
        big.communicate()


def test_a_group_that_has_ended_has_no_memory() -> None:
    done = subprocess.Popen([sys.executable, "-c", ""], start_new_session=True)
    done.wait()
    assert memory_of(done.pid) == 0
    assert memory_of(os.getpgrp()) > 0 or not can_tell_memory()
