"""Study in a storage of the user's own: a mirror whose failure stops nothing, its password unseen."""

import logging
from pathlib import Path
from typing import Any

import optuna
import pytest

from autoact import load_run, run_search
from autoact.spaces import Assignment

URL, OTHER = "postgresql://me:hunter2@host/db", "postgresql://me:hunter3@elsewhere/db"
SETTINGS: dict[str, Any] = {"space": ["relu", "tanh"], "layers": ["a"], "mode": "min", "selection_seeds": 1}


def objective(assignment: Assignment, seed: int, fraction: float) -> float:
    return len(assignment["a"].activation) + seed % 97 / 1000


def everything(folder: Path) -> str:
    return "".join(file.read_bytes().decode("latin-1") for file in folder.rglob("*") if file.is_file())


def test_a_mirror_that_fails_stops_nothing_and_no_password_is_written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    shared = optuna.storages.InMemoryStorage()
    state, get_storage = {"up": True}, optuna.storages.get_storage

    def reached(url: Any) -> optuna.storages.BaseStorage:
        if not isinstance(url, str):
            return get_storage(url)
        if not state["up"]:
            raise RuntimeError(f"could not connect to {url}: {url[16:23]} is no password")
        return shared

    monkeypatch.setattr(optuna.storages, "get_storage", reached)
    caplog.set_level(logging.DEBUG)

    out = tmp_path / "run"
    run_search(objective=objective, out=out, storage=URL, budget=2, seeds=2, **SETTINGS)
    before = len(load_run(out).study.trials)
    assert len(optuna.load_study(study_name=None, storage=shared).trials) == before
    state["up"] = False
    result = run_search(
        objective=objective, out=out, resume=True, storage=OTHER, budget=3, seeds=2, **SETTINGS
    )
    assert len(result.study.trials) > before, "the run's own file has what the mirror lacks"
    assert "The study could not be exported to postgresql://me@elsewhere/db" in caplog.text
    state["up"] = True
    run_search(objective=objective, out=out, resume=True, budget=3, seeds=2, **SETTINGS)
    assert len(optuna.load_study(study_name=None, storage=shared).trials) == len(result.study.trials), (
        "caught up"
    )
    said = everything(tmp_path) + caplog.text + "".join(capfd.readouterr())
    assert "postgresql://me@elsewhere/db" in said
    assert "hunter" not in said
