"""The export of a study is opened once in a run, and what it needs is loaded before the trainings begin."""

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy.event import listen

from autoact import run_search
from autoact.search.study._export import Export, quiet_optuna, sqlite_storage

LOADED = """
import gc, sys
from autoact import run_search

before, freeze = set(), gc.freeze
gc.freeze = lambda: (before.update(sys.modules), freeze())
run_search(objective=lambda assignment, seed, fraction: 1.0 / seed, layers=["a"], space=["relu", "tanh"],
           mode="min", out=sys.argv[1], budget=2, seeds=2, looks=(2,), quiet=True)
assert "optuna" in before
late = set(sys.modules) - before
print(sorted(name for name in late if name.partition(".")[0] in ("sqlalchemy", "alembic")))
"""

search = partial(
    run_search,
    objective=lambda assignment, seed, fraction: float(assignment["a"].activation == "tanh"),
    layers=["a"],
    space=["relu", "tanh"],
    mode="min",
    seeds=2,
    looks=(2,),
    quiet=True,
)


def test_one_export_serves_all_phases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    opening = Export._open

    def noted(self: Export, trials: Sequence[FrozenTrial]) -> optuna.Study:
        opened.append(self.name)
        return opening(self, trials)

    monkeypatch.setattr(Export, "_open", noted)
    search(out=tmp_path / "run", budget=4)
    assert len(opened) == 1
    study = optuna.load_study(study_name=opened[0], storage=f"sqlite:///{tmp_path / 'run' / 'study.db'}")
    assert len(study.trials) == 4 + 3  # trials; both baselines on a seed, the better one on another


@pytest.mark.slow
def test_storages_are_loaded_before_memory_is_set_aside(tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-c", LOADED, str(tmp_path / "run")], capture_output=True, text=True, check=True
    )
    late = found.stdout.strip()
    assert late == "[]", f"loaded by the first training, looked through after each one: {late}"


def test_a_trial_is_written_as_optuna_writes_it_and_without_a_look_for_each_value(tmp_path: Path) -> None:
    """Two queries a value were two thirds of the time of an export."""
    trials = [
        create_trial(
            state=state,
            value=None if state == TrialState.FAIL else 0.5,
            params={"a": "relu", "lr": 0.1},
            distributions={"a": CategoricalDistribution(["relu", "tanh"]), "lr": FloatDistribution(0.0, 1.0)},
            user_attrs={"seed": 3},
            intermediate_values={1: 0.5, 2: float("nan"), 3: float("inf"), 4: float("-inf")},
        )
        for state in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
    ]
    asked = list[str]()
    sqlite_storage(tmp_path / "own.db")
    own = sqlite_storage(tmp_path / "own.db", checked=True)
    theirs = optuna.storages.RDBStorage(f"sqlite:///{tmp_path / 'theirs.db'}")
    listen(own.engine, "before_cursor_execute", lambda _, __, said, *___: asked.append(said))
    read = []
    for storage in (own, theirs):
        with quiet_optuna():
            study = optuna.create_study(storage=storage)
        for trial in trials:
            study.add_trial(trial)
        found = study.get_trials()
        facts = [(t.state, t.values, t.params, t.distributions, t.user_attrs) for t in found]
        read.append((facts, str([t.intermediate_values for t in found])))
    assert read[0] == read[1]
    table = "trial_intermediate_values"
    assert sum(said.startswith("SELECT") and f"FROM {table}" in said for said in asked) == 1, "to read them"


@pytest.mark.parametrize("damage", ["nothing", "json", "missing row"])
def test_what_was_exported_is_read_once_by_a_resume_and_written_again_where_it_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    run = partial(search, out=tmp_path / "run")
    before = run(budget=4).study.trials
    statement = {
        "nothing": "SELECT 1",
        "json": "UPDATE trial_params SET distribution_json = '{' WHERE trial_id = 2",
        "missing row": "DELETE FROM trials WHERE trial_id = 2",
    }[damage]
    connection = sqlite3.connect(tmp_path / "run" / "study.db")
    connection.execute(statement)
    connection.commit()
    connection.close()
    read, reading = list[int](), optuna.storages.RDBStorage._get_trials

    def counted(self: Any, *given: Any, **named: Any) -> Any:
        found = reading(self, *given, **named)
        read.append(len(found))
        return found

    monkeypatch.setattr(optuna.storages.RDBStorage, "_get_trials", counted)
    found = run(budget=6, resume=True)
    if damage == "nothing":
        assert [each for each in read if each] == [len(before)]
    after = found.study.trials
    assert len(after) > len(before)
    told = [[(t.number, t.params, t.values, t.state) for t in trials] for trials in (before, after)]
    assert told[1][: len(before)] == told[0]


def kept_in(file: Path, url: str | None) -> Export:
    return Export(url=url, file=file, name="s", directions=[StudyDirection.MINIMIZE], metrics=["loss"])


TRIALS = [create_trial(value=value) for value in (3.0, 1.0, 2.0)]


@pytest.mark.parametrize("own", [True, False])
def test_a_study_that_is_deleted_meanwhile_is_written_again_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, own: bool
) -> None:
    file = tmp_path / "study.db"
    url = f"sqlite:///{file}"
    export = kept_in(file, None if own else url)
    with quiet_optuna():
        export.write(TRIALS[:2])
        file.unlink()
        export.write(TRIALS)
    assert [trial.value for trial in optuna.load_study(study_name="s", storage=url).trials] == [3.0, 1.0, 2.0]
    where = file if own else url
    assert [record.getMessage() for record in caplog.records] == [
        f"Trials of the study were deleted from {where} while the search ran. They are written again."
    ]


def test_a_failure_is_told_in_the_words_of_the_driver_not_by_what_optuna_guesses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    export = kept_in(tmp_path / "study.db", None)
    with quiet_optuna():
        export.write(TRIALS[:1])
        export.file.write_bytes(b"")
        monkeypatch.setattr("autoact.search.study._export._is_sound", lambda *_: True)
        export.write(TRIALS)
    said = "the search goes on: (sqlite3.OperationalError) no such table"
    assert [said in record.getMessage() for record in caplog.records] == [True]
