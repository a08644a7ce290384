"""Storages of a study: one that cannot be used is refused, and no file stays open after its use."""

import os
from pathlib import Path
from typing import Any

import optuna
import pytest

from autoact.errors import ConfigurationError
from autoact.search.study import check_storage, sqlite_storage


def opened(file: Path) -> int:
    links = [Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd")]
    return sum(os.path.lexists(link) and os.readlink(link) == str(file) for link in links)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc")
def test_a_study_file_is_closed_after_every_use(tmp_path: Path) -> None:
    file = tmp_path / "study.db"
    study = optuna.create_study(study_name="s", storage=sqlite_storage(file))
    study.add_trial(optuna.trial.create_trial(value=1.0))
    again = optuna.load_study(study_name="s", storage=sqlite_storage(file, checked=True))
    assert [trial.value for trial in again.trials] == [1.0]
    assert opened(file) == 0


def test_a_storage_that_optuna_cannot_use_is_bad_input() -> None:
    with pytest.raises(ConfigurationError, match=r"storage is 'nosuch://x'; Optuna cannot use it"):
        check_storage("nosuch://x")
    journal: Any = optuna.storages.InMemoryStorage()  # config.yaml could not say which one it is
    with pytest.raises(ConfigurationError, match=r"storage is <.*>; Optuna cannot use it: it is no URL"):
        check_storage(journal)
