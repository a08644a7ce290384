"""The ledger survives a kill at any byte and never loses or invents a training."""

import json
import math
from pathlib import Path

import pytest
from autoact.search.ledger import Entry, Ledger

from autoact.errors import RunDirectoryError


def entry(seed: int = 1, **changes: object) -> Entry:
    values: dict = {
        "phase": "trial",
        "label": "trial 3",
        "key": "abc",
        "assignment": {"net.1": {"activation": "elu", "parameters": {"alpha": 0.7}}},
        "seed": seed,
        "steps": 100,
        "seconds": 1.5,
        "selection": 0.25,
        "curve": (0.5, 0.25),
        "trial": 3,
    }
    return Entry(**(values | changes))


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "trainings.jsonl")
    entries = [entry(1), entry(2, phase="confirmation", comparison=0.5, trial=None)]
    for item in entries:
        ledger.append(item)
    assert Ledger(ledger.path).entries == entries


def test_a_line_is_on_disk_when_append_returns(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "trainings.jsonl")
    ledger.append(entry())
    assert json.loads(ledger.path.read_text())["seed"] == 1


def test_a_ledger_torn_at_any_byte_keeps_the_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "trainings.jsonl"
    ledger = Ledger(path)
    ledger.append(entry(1))
    first = path.stat().st_size
    ledger.append(entry(2))
    content = path.read_bytes()
    for size in range(first, len(content)):
        path.write_bytes(content[:size])
        reopened = Ledger(path)
        assert [item.seed for item in reopened.entries] == [1]
        reopened.append(entry(3))
        assert [item.seed for item in Ledger(path).entries] == [1, 3]


def test_values_that_are_not_finite_stay_strict_json(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "trainings.jsonl")
    diverged = entry(
        phase="confirmation", selection=math.nan, comparison=math.inf, curve=(1.0, math.nan), state="diverged"
    )
    ledger.append(diverged)
    assert "NaN" not in ledger.path.read_text()
    assert "Infinity" not in ledger.path.read_text()
    read = Ledger(ledger.path).entries[0]
    assert math.isnan(read.selection)
    assert read.comparison is not None
    assert math.isnan(read.comparison)
    assert math.isnan(read.curve[1])
    assert not read.usable


def test_finding_is_by_phase_model_and_seed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "trainings.jsonl")
    ledger.append(entry(1))
    ledger.append(entry(2, phase="baseline", trial=None))
    assert ledger.find("trial", "abc", 1) == ledger.entries[0]
    assert ledger.find("baseline", "abc", 2) == ledger.entries[1]
    assert ledger.find("trial", "abc", 2) is None
    assert ledger.find("trial", "other", 1) is None
    assert [item.seed for item in ledger.of("baseline", "trial")] == [1, 2]


def test_a_line_that_is_no_record_is_named(tmp_path: Path) -> None:
    path = tmp_path / "trainings.jsonl"
    path.write_text(entry().to_line() + "\nnot json\n")
    with pytest.raises(RunDirectoryError, match=r"trainings\.jsonl, line 2 is not a training's record"):
        Ledger(path)


def test_keys_of_later_versions_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "trainings.jsonl"
    path.write_text(json.dumps({**json.loads(entry().to_line()), "energy": 3}) + "\n")
    assert Ledger(path).entries == [entry()]
