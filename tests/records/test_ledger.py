"""The ledger survives a kill at any byte and never loses or invents a training."""

import errno
import json
import math
import os
from dataclasses import replace
from pathlib import Path

import pytest

from autoact.errors import RunDirectoryError
from autoact.records import Ledger, RowGroups, Training
from autoact.records._json import sealed
from autoact.spaces import Assignment, Choice

ELU = Assignment({"net.1": Choice("elu", {"alpha": 0.7})})


def training(seed: int = 1, **changes: object) -> Training:
    values: dict = {
        "phase": "trial",
        "label": "trial 3",
        "assignment": ELU,
        "state": "finished",
        "seed": seed,
        "steps": 100,
        "seconds": 1.5,
        "selection": 0.25,
        "curve": (0.5, 0.25),
        "curve_steps": (50, 100),
        "trial": 3,
    }
    return Training(**(values | changes))


def test_rows_of_another_length_than_their_weights_are_no_record() -> None:
    line = training(phase="confirmation", comparison=0.5, rows=RowGroups(values=(0.1,), weights=())).to_line()
    with pytest.raises(ValueError, match="values and weights of rows have different lengths"):
        Training.from_line(line)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "trainings.jsonl")
    rows = RowGroups(values=(0.1, 0.9), weights=(2.0, 2.0), data=7)
    compared = {"phase": "confirmation", "comparison": 0.5, "trial": None}
    unknown = RowGroups(unknown="there are several comparison loaders")
    done = [training(1), training(2, **compared, rows=rows), training(3, **compared, rows=unknown)]
    for item in done:
        ledger.append(item)
    assert Ledger(ledger.path).trainings == done


def test_a_line_is_on_disk_when_append_returns(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "trainings.jsonl")
    ledger.append(training())
    assert json.loads(ledger.path.read_text())["seed"] == 1


def test_a_ledger_torn_at_any_byte_keeps_the_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "trainings.jsonl"
    ledger = Ledger(path)
    ledger.append(training(1))
    first = path.stat().st_size
    ledger.append(training(2))
    content = path.read_bytes()
    for size in range(first, len(content)):
        path.write_bytes(content[:size])
        reopened = Ledger(path)
        assert [item.seed for item in reopened.trainings] == [1]
        reopened.append(training(3))
        assert [item.seed for item in Ledger(path).trainings] == [1, 3]


def test_values_that_are_not_finite_stay_strict_json(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "trainings.jsonl")
    diverged = training(
        phase="confirmation", selection=math.nan, comparison=math.inf, curve=(1.0, math.nan), state="diverged"
    )
    ledger.append(diverged)
    assert "NaN" not in ledger.path.read_text()
    assert "Infinity" not in ledger.path.read_text()
    read = Ledger(ledger.path).trainings[0]
    assert math.isnan(read.selection)
    assert read.comparison is not None
    assert math.isnan(read.comparison)
    assert math.isnan(read.curve[1])
    assert not read.usable


def test_finding_is_by_phase_model_and_seed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "trainings.jsonl")
    ledger.append(training(1))
    ledger.append(training(2, phase="baseline", trial=None))
    asked = Training(phase="trial", label="another name", assignment=ELU, seed=1)
    assert ledger.find(asked) == ledger.trainings[0]
    assert ledger.find(replace(asked, phase="baseline", seed=2)) == ledger.trainings[1]
    assert ledger.find(replace(asked, seed=2)) is None
    assert ledger.find(replace(asked, assignment=Assignment({"net.1": "relu"}))) is None
    assert ledger.find(replace(asked, hyperparameters={"model.lr": 0.1})) is None
    assert [item.seed for item in ledger.of("baseline", "trial")] == [1, 2]


def test_a_line_that_is_no_record_is_named(tmp_path: Path) -> None:
    path = tmp_path / "trainings.jsonl"
    path.write_text(training().to_line() + "\nnot json\n")
    with pytest.raises(RunDirectoryError, match=r"trainings\.jsonl, line 2 is not a training's record"):
        Ledger(path)


def test_keys_of_later_versions_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "trainings.jsonl"
    path.write_text(json.dumps(sealed({**json.loads(training().to_line()), "energy": 3})) + "\n")
    assert Ledger(path).trainings == [training()]


@pytest.mark.parametrize("digit", [b"1", b"2", b"4", b"0.5"])
def test_a_digit_that_was_changed_is_named_with_its_line(tmp_path: Path, digit: bytes) -> None:
    path = tmp_path / "trainings.jsonl"
    line = training(seed=12, selection=0.5, seconds=4.0).to_line().encode()
    assert digit in line
    path.write_bytes(line + b"\n" + line.replace(digit, b"0.75" if b"." in digit else b"3", 1) + b"\n")
    with pytest.raises(
        RunDirectoryError, match=r"line 2 is not a training's record \(its content is not what"
    ):
        Ledger(path)


def test_a_mixture_keeps_what_it_derived(tmp_path: Path) -> None:
    mixture = training(phase="one-shot", assignment=None, trial=None, derived=ELU, details={"share": 0.5})
    ledger = Ledger(tmp_path / "trainings.jsonl")
    ledger.append(mixture)
    (read,) = Ledger(ledger.path).trainings
    assert (read, read.key) == (mixture, "mixture")
    assert ledger.find(Training(phase="one-shot", label="", assignment=None, seed=1)) == mixture


def test_what_failed_in_an_earlier_process_is_done_again(tmp_path: Path) -> None:
    """Within the process that saw it fail it is not: the same error would only come again."""
    failed = training(state="failed", selection=math.nan, error="RuntimeError: no memory left")
    ledger = Ledger(tmp_path / "trainings.jsonl")
    ledger.append(failed)
    assert ledger.find(failed) is failed
    again = Ledger(ledger.path)
    assert again.trainings[0].error == "RuntimeError: no memory left"
    assert again.find(failed) is None
    again.append(training())
    assert again.find(failed) == training()


def test_a_model_as_it_is_written_has_no_layer_to_name(tmp_path: Path) -> None:
    done = training(phase="baseline", trial=None, assignment=Assignment({}))
    assert Training.from_line(done.to_line()) == done


@pytest.mark.parametrize(
    "line",
    [b"5", b"null", b"NaN", b'"text"', b"[]", b"{}", b'{"phase": "\xff"}', b"\xff\xfe", b"\x00\x00"],
)
def test_a_line_that_is_no_record_is_named_in_one_line(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "trainings.jsonl"
    path.write_bytes(training().to_line().encode() + b"\n" + line + b"\n")
    with pytest.raises(RunDirectoryError, match="line 2 is not a training's record") as refused:
        Ledger(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "change",
    [
        {"assignment": None},
        {"assignment": []},
        {"trial": "a"},
        {"share": "a"},
        {"seconds": None},
        {"hyperparameters": [1]},
        {"curve": [1.0]},
        {"comparison": "x"},
        {"label": None},
    ],
)
def test_a_record_that_was_changed_into_none_is_named(tmp_path: Path, change: dict) -> None:
    path = tmp_path / "trainings.jsonl"
    path.write_text(json.dumps(json.loads(training().to_line()) | change) + "\n")
    with pytest.raises(RunDirectoryError, match="line 1 is not a training's record"):
        Ledger(path)


@pytest.mark.parametrize(
    "content", [b"[" * 100_000 + b"\n", b'{"phase": ' * 50_000 + b"\n", b"\xff\n", b"1e999\n"]
)
def test_what_is_no_record_is_named_with_its_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "trainings.jsonl"
    file.write_bytes(content)
    with pytest.raises(RunDirectoryError, match="line 1 is not a training's record"):
        Ledger(file)


def test_a_full_disk_costs_one_training_and_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(tmp_path / "trainings.jsonl")
    ledger.append(training(1))

    def torn(file: int) -> None:
        os.truncate(file, os.fstat(file).st_size - 20)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", torn)
        with pytest.raises(
            RunDirectoryError, match=r"cannot be written: No space left.*are kept.*resume"
        ) as said:
            ledger.append(training(2))
    assert "\n" not in str(said.value)
    assert [t.seed for t in Ledger(ledger.path).trainings] == [t.seed for t in ledger.trainings] == [1]
    ledger.append(training(3))
    assert [t.seed for t in Ledger(ledger.path).trainings] == [1, 3]


@pytest.mark.parametrize("lost", ["file", "folder"])
def test_a_ledger_that_is_gone_is_not_begun_again_without_what_was_in_it(tmp_path: Path, lost: str) -> None:
    ledger = Ledger(tmp_path / "run" / "trainings.jsonl")
    ledger.path.parent.mkdir()
    ledger.append(training(1))
    (ledger.path if lost == "file" else ledger.path.parent).rename(tmp_path / "elsewhere")
    with pytest.raises(RunDirectoryError, match=r"trainings\.jsonl is gone: .* Put it back, then resume"):
        ledger.append(training(2))
    assert not ledger.path.exists()


def test_a_ledger_that_is_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match="cannot be read: Is a directory"):
        Ledger(tmp_path)


def test_a_ledger_that_has_not_changed_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, lines = tmp_path / "trainings.jsonl", list[str]()
    Ledger(path).append(*(training(seed) for seed in range(3)))
    from_line = Training.from_line

    def counted(line: str) -> Training:
        lines.append(line)
        return from_line(line)

    monkeypatch.setattr(Training, "from_line", counted)
    first, second = Ledger(path), Ledger(path)
    assert (len(lines), second.trainings) == (3, first.trainings)
    second.append(training(3))
    assert (len(Ledger(path).trainings), len(first.trainings), len(lines)) == (4, 3, 7)
