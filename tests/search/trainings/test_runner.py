"""Trainings of a run: an interrupt that nobody heeded ends them before the next."""

import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from autoact.records import Ledger, Training
from autoact.search.executors import Inline
from autoact.search.trainings import Trainings
from autoact.spaces import Assignment


class Interrupted:
    """Task with a Ctrl-C in its first training that gets lost, as Python loses it in a deletion."""

    def measure(self, training: Any, extras: Any) -> Any:
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        return training


def asked(seed: int) -> Training:
    return Training(phase="baseline", label="relu", assignment=Assignment({"net.1": "relu"}), seed=seed)


def test_no_training_begins_after_an_interrupt_that_was_lost(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "trainings.jsonl")
    before = signal.getsignal(signal.SIGINT)
    task = Interrupted()
    with pytest.raises(KeyboardInterrupt), Trainings(Inline(task), task, ledger) as trainings:
        trainings.run([asked(1), asked(2)])
    assert [training.seed for training in ledger.trainings] == [1]
    assert signal.getsignal(signal.SIGINT) is before
