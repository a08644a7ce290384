"""TensorBoard run of a trial: whole or not there, whenever the process that writes it is killed."""

import errno
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from autoact.records import RunDirectory, Training
from autoact.search.trainings import log_trial
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
        log_trial(directory, DONE, "val_loss")
    assert "trial 3 is not in TensorBoard, the search goes on: [Errno 28] No space left" in caplog.text
    assert not [file for file in directory.path.rglob("*") if "trial" in file.name]
    log_trial(directory, DONE, "val_loss")
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
        log_trial(directory, DONE, "val_loss")
    log_trial(directory, DONE, "val_loss")
    log_trial(directory, DONE, "val_loss")
    assert list(directory.tensorboard("").iterdir()) == [directory.trial_log(3)]
    row = EventAccumulator(str(directory.trial_log(3))).Reload()
    assert row.Scalars("val_loss")[0].value == 0.5
    assert "_hparams_/session_end_info" in row.summary_metadata


def test_only_trials_of_the_search_have_a_row(tmp_path: Path) -> None:
    directory = RunDirectory.create(tmp_path / "run", {})
    log_trial(directory, Training(**{**_fields(DONE), "phase": "baseline", "trial": None}), "val_loss")
    assert not directory.tensorboard("").exists()


def _fields(training: Training) -> dict[str, Any]:
    return {name: getattr(training, name) for name in Training.__dataclass_fields__}
