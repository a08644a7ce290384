"""Study of a search: equal to what the ledger says, whatever happened between asking and telling."""

import json
import logging
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from sqlalchemy.exc import OperationalError
from torch import nn

from autoact.errors import RunDirectoryError
from autoact.records import Ledger, RunDirectory, Training, Value
from autoact.search.executors import Inline
from autoact.search.setup import Settings, seeds_for
from autoact.search.study import Domain, Search, Study, quiet_optuna
from autoact.search.trainings import Trainings
from autoact.spaces import Assignment, Choice, SearchSpace
from tests.search.models import network, variables

SPACE = SearchSpace("test", ("relu", "elu", "tanh"))
ORIGINAL = Assignment({"net.1": "relu", "net.3": "relu"})
SETTINGS = Settings(monitor="val_loss", budget=12)


class NoTask:
    """A task of which nothing is trained here."""

    def measure(self, training: Any, extras: Any) -> Any:
        raise AssertionError("nothing is trained")


@dataclass
class Run:
    """A run directory whose study can be opened again and again, as processes do."""

    directory: RunDirectory

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.directory.ledger_file)

    def open(
        self,
        settings: Settings = SETTINGS,
        derived: Assignment | None = None,
        own: Mapping[str, Value] | None = None,
    ) -> Study:
        found = variables(network(nn.ReLU(), nn.ReLU()), SPACE)
        search = Search(
            settings=settings,
            seeds=seeds_for(settings),
            variables=found,
            directory=self.directory,
            trainings=Trainings(Inline(NoTask()), NoTask(), self.ledger),
            own=own or {},
        )
        study = Study(Domain(search, found.with_derived(derived)))
        study.export()
        return study

    def stored(self, storage: str | None = None) -> list[optuna.trial.FrozenTrial]:
        """Return the trials of the exported study."""
        url = storage or f"sqlite:///{self.directory.study_file}"
        return optuna.load_study(study_name="test", storage=url).trials

    @property
    def states(self) -> list[str]:
        return [trial.state.name for trial in self.stored()]

    def train(self, study: Study, trials: int) -> list[Assignment]:
        """Do what is asked for, ledger first, and return it."""
        asked = []
        for _ in range(trials):
            training, _ = study.ask()
            assert training.assignment is not None
            asked.append(training.assignment)
            self.tell(study, training)
        return asked

    def tell(self, study: Study, asked: Training, **came: Any) -> None:
        done = finished(asked, **came)
        study.domain.search.ledger.append(done)
        study.tell(done)


def finished(asked: Training, **came: Any) -> Training:
    assert asked.assignment is not None
    values = {"tanh": 0.0, "elu": 0.3, "relu": 0.5}
    value = sum(values[choice.activation] for choice in asked.assignment.values())
    usual: dict[str, Any] = {"state": "finished", "steps": 10, "seconds": 0.1, "selection": value}
    return replace(asked, **(usual | came))


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with quiet_optuna():
        yield


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(RunDirectory.create(tmp_path / "run", {"study": "test"}))


def test_enqueued_assignments_come_first_exactly_as_given(run: Run) -> None:
    outside = Assignment({"net.1": Choice("elu", {"alpha": 1000.0}), "net.3": "tanh"})
    study = run.open(derived=outside)
    study.enqueue("one-shot choice", outside, {})
    study.enqueue("original", ORIGINAL, {})
    study.enqueue("original", ORIGINAL, {})
    (first, _), (second, _), (third, _) = study.ask(), study.ask(), study.ask()
    assert (first.label, first.assignment) == ("one-shot choice", outside)
    assert (second.label, second.assignment) == ("original", ORIGINAL)
    assert third.label == "trial 2"


@pytest.mark.slow
def test_an_interrupted_study_asks_what_an_undisturbed_one_asks(run: Run, tmp_path: Path) -> None:
    undisturbed = Run(RunDirectory.create(tmp_path / "other", {"study": "test"}))
    expected = undisturbed.train(undisturbed.open(), 10)
    asked = run.train(run.open(), 4)
    run.open().ask()  # killed here: nothing is left of it
    asked += run.train(run.open(), 6)
    assert asked == expected
    assert len(set(map(str, asked))) > 5


@pytest.mark.slow
def test_a_killed_trial_leaves_nothing_and_is_asked_again(run: Run) -> None:
    run.train(run.open(), 2)
    killed, _ = run.open().ask()
    assert run.states == ["COMPLETE", "COMPLETE"]
    again, _ = run.open().ask()
    assert again == killed


@pytest.mark.slow
def test_a_trial_killed_between_ledger_and_study_is_told_not_repeated(run: Run) -> None:
    study = run.open()
    asked, _ = study.ask()
    study.domain.search.ledger.append(finished(asked, selection=0.125))
    run.open()
    assert run.states == ["COMPLETE"]
    assert run.stored()[0].value == 0.125


def test_a_hole_in_the_numbers_stays_one(run: Run) -> None:
    """Of two that ran at the same time the second ended, then the process was killed."""
    study = run.open()
    asked = [study.ask()[0] for _ in range(2)]
    run.tell(study, asked[1])
    again = run.open()
    assert [trial.state.name for trial in again.optuna.trials] == ["FAIL", "COMPLETE"]
    assert again.spent == 1.0
    assert again.ask()[0].trial == 2


def test_a_sampler_of_the_users_own_keeps_to_the_ledger_whatever_it_draws(run: Run) -> None:
    """Two ran at a time, one was killed, and the sampler then draws otherwise than it did."""
    settings = Settings(monitor="val_loss", budget=12, sampler=optuna.samplers.RandomSampler(seed=1))
    study = run.open(settings)
    study.enqueue("original", ORIGINAL, {})
    (first, _), (second, _), (third, _) = study.ask(), study.ask(), study.ask()
    assert first.label == "original"
    other = Assignment({"net.1": "tanh", "net.3": Choice("elu")})
    run.tell(study, replace(second, assignment=other))
    run.tell(study, third)

    again = run.open(settings)
    again.enqueue("original", ORIGINAL, {})
    asked, _ = again.ask()
    assert (asked.trial, asked.label, asked.assignment) == (3, "original", ORIGINAL)
    known = again.optuna.get_trials()
    assert [trial.state.name for trial in known] == ["FAIL", "COMPLETE", "COMPLETE", "RUNNING"]
    assert known[1].params == {"net.1": "tanh", "net.3": "elu"}
    assert [trial.user_attrs["label"] for trial in known[1:]] == ["trial 1", "trial 2", "original"]
    assert len({run.train(again, 1)[0] for _ in range(3)}) > 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"seed": 12345}, "seed 12345 is none of the search's"),
        ({"trial": 0}, "it is there twice"),
        ({"trial": 10**9}, "only 3 have ended"),
    ],
)
def test_a_line_that_no_search_writes_is_named(run: Run, changes: dict[str, int], why: str) -> None:
    """Changed by hand."""
    run.train(run.open(), 3)
    lines = run.directory.ledger_file.read_text().splitlines()
    changed = re.sub('"checksum": ".*"', '"mine": 1', json.dumps({**json.loads(lines[2]), **changes}))
    run.directory.ledger_file.write_text("\n".join([*lines[:2], changed, ""]))
    number = changes.get("trial", 2)
    with pytest.raises(RunDirectoryError, match=rf"jsonl: trial {number} \(trial 2\) .*: {why}") as refused:
        run.open()
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("state", ["diverged", "failed"])
def test_a_trial_without_a_value_fails_and_teaches_nothing(run: Run, state: str) -> None:
    study = run.open()
    run.tell(study, study.ask()[0], selection=float("nan"), state=state)
    assert run.states == ["FAIL"]
    run.train(study, 3)
    assert run.states == ["FAIL", "COMPLETE", "COMPLETE", "COMPLETE"]


def test_a_rebuilt_study_is_equal_to_the_one_that_was_told(run: Run) -> None:
    study = run.open()
    for number in range(6):
        asked, _ = study.ask()
        pruned = {"state": "pruned", "share": 0.5, "curve": (0.9,), "curve_steps": (5,)}
        curve = {"curve": (0.9, 0.1 * number), "curve_steps": (5, 10)}
        run.tell(study, asked, **(pruned if number == 3 else curve))
    for other in (run.open().optuna.trials, run.stored()):
        for told, rebuilt in zip(study.optuna.trials, other, strict=True):
            assert (told.number, told.state, told.value) == (rebuilt.number, rebuilt.state, rebuilt.value)
            assert (told.params, told.distributions) == (rebuilt.params, rebuilt.distributions)
            assert told.intermediate_values == rebuilt.intermediate_values
            for name in ("seed", "label"):
                assert told.user_attrs[name] == rebuilt.user_attrs[name]
    assert study.optuna.trials[3].state == TrialState.PRUNED
    assert run.open().spent == study.spent == 5.5


def test_own_values_outside_of_what_is_searched_are_the_same_in_a_rebuilt_study(run: Run) -> None:
    settings = Settings(
        monitor="val_loss",
        budget=12,
        parameters={
            "model.kind": {"choice": ["adam", "sgd"]},
            "model.lr": {"log": [1e-4, 1e-1]},
            "model.rows": {"int": [1, 8]},
        },
    )
    own: dict[str, Value] = {"model.kind": "lion", "model.lr": 3.0, "model.rows": None}
    study = run.open(settings, own=own)
    study.enqueue("original", ORIGINAL, own)
    asked, _ = study.ask()
    tried = dict(asked.hyperparameters)
    assert isinstance(tried.pop("model.rows"), int)  # a range has no place for None
    assert tried == {"model.kind": "lion", "model.lr": 3.0}
    run.tell(study, asked)
    run.train(study, 2)
    again = run.open(settings, own=own)
    again.enqueue("original", ORIGINAL, own)
    told, rebuilt = (each.optuna.get_trials() for each in (study, again))
    assert [(t.state, t.params, t.value) for t in rebuilt] == [(t.state, t.params, t.value) for t in told]
    assert told[0].params["model.kind"] == "lion"


@pytest.mark.parametrize(("mode", "direction"), [("min", "MINIMIZE"), ("max", "MAXIMIZE")])
def test_direction_and_metric_are_stored(run: Run, mode: Any, direction: str) -> None:
    run.open(Settings(monitor="score", mode=mode))
    study = optuna.load_study(study_name="test", storage=f"sqlite:///{run.directory.study_file}")
    assert study.direction.name == direction
    assert study.user_attrs["metric"] == "score"


def test_a_study_half_made_by_a_killed_process_is_made_again(run: Run) -> None:
    run.directory.path.joinpath(".study.db.partial").write_bytes(b"half a database")
    run.train(run.open(), 1)
    assert run.states == ["COMPLETE"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["a?b", "lr=10%", "a%20b", "run#2", "{x}", "{0}", "a b&c=d;e", "?mode=ro", "é"]
)
def test_any_directory_name_holds_its_study(tmp_path: Path, name: str) -> None:
    run = Run(RunDirectory.create(tmp_path / name, {"study": "test"}))
    run.train(run.open(), 1)
    run.train(run.open(), 1)
    assert {file.name for file in run.directory.path.iterdir()} == {
        "config.yaml",
        "trainings.jsonl",
        "study.db",
    }
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"", b"not a database" * 100, b"SQLite format 3\0" + b"\0" * 5000])
def test_a_damaged_study_file_is_written_again_from_the_ledger(run: Run, content: bytes) -> None:
    asked = run.train(run.open(), 3)
    expected = [(trial.params, trial.value) for trial in run.stored()]
    run.directory.study_file.write_bytes(content)
    asked += run.train(run.open(), 1)
    assert [(trial.params, trial.value) for trial in run.stored()[:3]] == expected
    assert run.states == ["COMPLETE"] * 4


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    [
        "update alembic_version set version_num = 'v9'",
        "update trial_params set distribution_json = 'x'",
        "update trial_user_attributes set value_json = '{'",
        "delete from studies",
        "delete from trials where number = 1",
        "delete from trial_params",
        "update trial_params set distribution_json = replace(distribution_json, 'elu', 'gelu')",
        "update studies set study_name = 'other'",
        "update study_directions set direction = 'MAXIMIZE'",
        "update trial_user_attributes set value_json = '7' where key = 'seed'",
        "update trials set state = 'nothing'",
        "update trials set state = 'RUNNING' where number = 1",
        "update trial_values set value = 7",
        "drop table trial_values",
    ],
)
def test_a_study_that_is_not_the_ledgers_is_written_again(run: Run, damage: str) -> None:
    run.train(run.open(), 3)
    expected = [(trial.state, trial.params, trial.value) for trial in run.stored()]
    with closing(sqlite3.connect(run.directory.study_file)) as database:
        database.execute(damage)
        database.commit()
    run.open()
    assert [(trial.state, trial.params, trial.value) for trial in run.stored()] == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage", ["update trial_values set value = 7", "update trials set state = 'RUNNING' where number = 1"]
)
def test_a_study_in_a_given_storage_is_written_again_and_its_neighbors_stay(
    run: Run, tmp_path: Path, damage: str
) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    settings = Settings(monitor="val_loss", storage=url)
    optuna.create_study(study_name="somebody else's", storage=url).set_user_attr("kept", True)
    run.train(run.open(settings), 3)
    expected = [(trial.state, trial.params, trial.value) for trial in run.stored(url)]
    with closing(sqlite3.connect(tmp_path / "shared.db")) as database:
        database.execute(damage)
        database.commit()
    run.open(settings)
    assert [(trial.state, trial.params, trial.value) for trial in run.stored(url)] == expected
    assert optuna.load_study(study_name="somebody else's", storage=url).user_attrs == {"kept": True}


@pytest.mark.parametrize("error", [OperationalError("select", {}, Exception("it is down")), KeyError("x")])
def test_a_storage_that_goes_away_costs_a_line_and_what_is_missing_is_added_later(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    settings = Settings(monitor="val_loss", storage=f"sqlite:///{tmp_path / 'shared.db'}")

    def down(*_: Any, **__: Any) -> Any:
        raise error

    study = run.open(settings)
    with monkeypatch.context() as patched:
        patched.setattr(optuna.Study, "add_trial", down)
        patched.setattr(optuna.storages, "get_storage", down)
        asked = [study.ask()[0] for _ in range(2)]
        for each in asked:
            done = finished(each)
            study.domain.search.ledger.append(done)
            study.tell(done)
    for place in (settings.storage, run.directory.study_file):
        assert caplog.text.count(f"The study could not be exported to {place}, the search goes on") == 2
    run.train(study, 1)
    assert [trial.state.name for trial in run.stored(settings.storage)] == ["COMPLETE"] * 3


def test_a_given_storage_holds_the_study(run: Run, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    run.train(run.open(Settings(monitor="val_loss", storage=url)), 2)
    run.train(run.open(Settings(monitor="val_loss", storage=url)), 1)
    for place in (url, None):
        assert [trial.state for trial in run.stored(place)] == [TrialState.COMPLETE] * 3


def test_optuna_is_quiet_and_its_verbosity_restored(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    optuna.logging.set_verbosity(logging.DEBUG)
    try:
        with quiet_optuna():
            run.train(run.open(), 2)
        assert optuna.logging.get_verbosity() == logging.DEBUG
    finally:
        optuna.logging.set_verbosity(logging.WARNING)
    assert capfd.readouterr() == ("", "")
