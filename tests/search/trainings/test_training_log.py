"""TensorBoard run of a training: whole or not there, whenever the process that writes it is killed."""

import errno
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from autoact.records import RunDirectory, Training
from autoact.search.trainings import log_training
from autoact.spaces import Assignment

DONE = Training(
    phase="trial",
    label="trial 3",
    assignment=Assignment({"a": "relu"}),
    seed=1,
    trial=3,
    state="finished",
    selection=0.5,
)


def test_a_full_disk_costs_a_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    directory = RunDirectory.create(tmp_path / "run", {})

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        log_training(directory, DONE, "val_loss")
    assert "trial 3 is not in TensorBoard, the search goes on: [Errno 28] No space left" in caplog.text
    assert not [file for file in directory.path.rglob("*") if "trial" in file.name]
    log_training(directory, DONE, "val_loss")
    assert directory.trial_log(3).is_dir()


class Killed(BaseException):
    """As a kill: nothing of the project's handles it."""


def killed(*_: Any, **__: Any) -> None:
    raise Killed


@pytest.mark.parametrize("at", ["autoact.tracking._hparams._end", "autoact.tracking._hparams.scalar"])
def test_a_row_whose_writing_was_killed_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    directory = RunDirectory.create(tmp_path / "run", {})
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(at, killed)
        log_training(directory, DONE, "val_loss")
    log_training(directory, DONE, "val_loss")
    log_training(directory, DONE, "val_loss")
    assert list(directory.tensorboard("").iterdir()) == [directory.trial_log(3)]
    row = EventAccumulator(str(directory.trial_log(3))).Reload()
    assert row.Scalars("val_loss")[0].value == 0.5
    assert "_hparams_/session_end_info" in row.summary_metadata


def test_every_training_has_its_curve_and_only_trials_have_a_row(tmp_path: Path) -> None:
    directory = RunDirectory.create(tmp_path / "run", {})
    curve: dict[str, Any] = {"curve": (0.9, 0.7, 0.5), "curve_steps": (10, 20, 30), "steps": 30}
    for phase, label, trial in (
        ("baseline", "relu", None),
        ("confirmation", "selected/../x", None),
        ("trial", "trial 3", 3),
    ):
        log_training(
            directory,
            Training(**{**_fields(DONE), "phase": phase, "label": label, "trial": trial, **curve}),
            "val_loss",
        )
    folders = sorted(path.name for path in directory.tensorboard("").iterdir())
    assert folders == ["baseline-relu-1", "confirmation-selected_.._x-1", "trial-0003"]
    for name in folders:
        events = EventAccumulator(str(directory.tensorboard(name))).Reload()
        found = [(event.step, round(event.value, 3)) for event in events.Scalars("val_loss")]
        assert found == [(10, 0.9), (20, 0.7), (30, 0.5)]
        assert ("_hparams_/session_start_info" in events.summary_metadata) == (name == "trial-0003")


def test_what_writes_its_own_events_or_none_has_no_curve(tmp_path: Path) -> None:
    directory = RunDirectory.create(tmp_path / "run", {})
    for phase in ("probe", "one-shot"):
        log_training(directory, Training(**{**_fields(DONE), "phase": phase, "trial": None}), "val_loss")
    assert not directory.tensorboard("").exists()


def _fields(training: Training) -> dict[str, Any]:
    return {name: getattr(training, name) for name in Training.__dataclass_fields__}
