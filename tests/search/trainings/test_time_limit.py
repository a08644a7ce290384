"""A time limit counts what earlier processes did, and what one training takes."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autoact.records import Ledger, Training
from autoact.search.trainings import TimeLimit
from autoact.spaces import Assignment


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=5.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr("autoact.search.trainings._time_limit.time", clock)
    return clock


def ledger(path: Path, *seconds: float, **more: Any) -> Ledger:
    found = Ledger(path / "trainings.jsonl")
    for seed, each in enumerate(seconds):
        values: dict[str, Any] = {"phase": "trial", "trial": seed, "label": "a", "state": "finished", **more}
        found.append(Training(assignment=Assignment({"a": "relu"}), seed=seed, seconds=each, **values))
    return found


def test_no_limit_never_ends() -> None:
    assert not TimeLimit().over(10**9)


@pytest.mark.parametrize(("workers", "room"), [(1, 50), (4, 204)])
def test_room_is_what_fits_beside_each_other_after_what_was_done(
    tmp_path: Path, clock: SimpleNamespace, workers: int, room: int
) -> None:
    limit = TimeLimit(1.0, ledger(tmp_path, 50.0, 70.0), workers)
    clock.now += 480.0
    assert limit.left == 3600 - 480 - 120 / workers
    assert limit.room == room
    clock.now += 3600.0
    assert (limit.left, limit.room, limit.over()) == (0.0, 0, True)


def test_what_has_to_fit_afterwards_ends_it_earlier(tmp_path: Path) -> None:
    limit = TimeLimit(1.0, ledger(tmp_path, 60.0))
    assert limit.room == 59
    assert not limit.over()
    assert not limit.over(52)
    assert limit.over(53)  # a tenth is kept for what trainings do not count


def test_one_training_takes_what_whole_ones_took_and_an_estimate_before(tmp_path: Path) -> None:
    assert TimeLimit(1.0, ledger(tmp_path), estimate=60.0).room == 60
    (tmp_path / "pruned").mkdir()
    assert TimeLimit(1.0, ledger(tmp_path / "pruned", 15.0, state="pruned", share=0.25)).seconds == 60.0
    (tmp_path / "failed").mkdir()
    failed = ledger(tmp_path / "failed", 0.01, state="failed", error="boom")
    assert TimeLimit(1.0, failed, estimate=60.0).seconds == 60.0
