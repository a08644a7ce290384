"""Trainings of a run: an interrupt that nobody heeded ends them before the next."""

import gc
import signal
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autoact.records import Ledger, Stack, Training
from autoact.search.executors import Inline
from autoact.search.trainings import Trainings, interruptible
from autoact.spaces import Assignment
from autoact.training import Measurement


class Interrupted:
    """Task with a Ctrl-C in its first training that gets lost, as Python loses it in a deletion."""

    def measure(self, training: Any, extras: Any) -> Any:
        try:
            signal.raise_signal(signal.SIGINT)
        except BaseException:
            return Measurement(selection=1.0, steps=1, planned_steps=1.0, seconds=1.0)
        raise AssertionError


def asked(seed: int) -> Training:
    return Training(phase="baseline", label="relu", assignment=Assignment({"net.1": "relu"}), seed=seed)


def test_no_training_begins_after_an_interrupt_that_was_lost(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "trainings.jsonl")
    before = signal.getsignal(signal.SIGINT)
    task = Interrupted()
    with (
        pytest.raises(KeyboardInterrupt),
        interruptible(),
        Trainings(Inline(task), task, ledger) as trainings,
    ):
        trainings.run([asked(1), asked(2)])
    assert [training.seed for training in ledger.trainings] == [1]
    assert signal.getsignal(signal.SIGINT) is before


class Noted:
    """Executor that notes what it is given."""

    workers = 1

    def __init__(self) -> None:
        self.given: list[list[int]] = []

    def begin(self) -> None:
        """Do nothing."""

    def submit(self, asked: Any, extras: Any) -> Any:
        self.given.append([training.seed for training in asked])
        future: Any = Future()
        future.set_result([replace(training, state="finished", selection=0.0) for training in asked])
        return future


def test_the_first_that_waits_is_next_with_those_that_may_be_one_with_it(tmp_path: Path) -> None:
    wanted = [replace(asked(seed), hyperparameters={"lr": seed in (1, 4, 5)}) for seed in range(7)]
    wanted.insert(3, Training(phase="one-shot", label="mixture", assignment=None, seed=9))
    executor, task = Noted(), Interrupted()
    Trainings(executor, task, Ledger(tmp_path / "trainings.jsonl"), stack=Stack(size=2)).run(wanted)
    assert executor.given == [[0, 2], [1, 4], [9], [3, 6], [5]]


def test_the_collector_no_longer_looks_at_what_many_trainings_left(tmp_path: Path) -> None:
    executor, task = Noted(), Interrupted()
    with Trainings(executor, task, Ledger(tmp_path / "trainings.jsonl")) as trainings:
        before = gc.get_freeze_count()
        trainings.run([asked(seed) for seed in range(120)])
        assert gc.get_freeze_count() > before + 120
    assert gc.get_freeze_count() == 0
