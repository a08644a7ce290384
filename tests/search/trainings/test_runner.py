"""Trainings of a run: an interrupt that nobody heeded ends them before the next."""

import signal
from pathlib import Path
from typing import Any

import pytest

from autoact.records import Ledger, Training
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
            return Measurement(selection=1.0, steps=1, planned_steps=1.0, seconds=1.0, finite=True)
        raise AssertionError


def asked(seed: int) -> Training:
    return Training(phase="baseline", label="relu", assignment=Assignment({"net.1": "relu"}), seed=seed)


def test_no_training_begins_after_an_interrupt_that_was_lost(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "trainings.jsonl")
    before = signal.getsignal(signal.SIGINT)
    task = Interrupted()
    with (
        pytest.raises(KeyboardInterrupt),
        interruptible(None),
        Trainings(Inline(task), task, ledger) as trainings,
    ):
        trainings.run([asked(1), asked(2)])
    assert [training.seed for training in ledger.trainings] == [1]
    assert signal.getsignal(signal.SIGINT) is before
