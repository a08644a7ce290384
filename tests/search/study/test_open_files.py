"""Files of a study: none stays open once it is written or read."""

import os
from pathlib import Path

import optuna
import pytest

from autoact.search.study import sqlite_storage

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc")


def opened(file: Path) -> int:
    links = [Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd")]
    return sum(os.path.lexists(link) and os.readlink(link) == str(file) for link in links)


def test_a_study_file_is_closed_after_every_use(tmp_path: Path) -> None:
    file = tmp_path / "study.db"
    study = optuna.create_study(study_name="s", storage=sqlite_storage(file))
    study.add_trial(optuna.trial.create_trial(value=1.0))
    again = optuna.load_study(study_name="s", storage=sqlite_storage(file, checked=True))
    assert [trial.value for trial in again.trials] == [1.0]
    assert opened(file) == 0
