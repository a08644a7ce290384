"""The study agrees with the ledger whatever happened between asking and telling."""

import logging
from pathlib import Path

import optuna
import pytest
from autoact.search.study import ActivationStudy, Proposal, open_study, quiet_optuna
from autoact.search.variables import key_of
from optuna.trial import TrialState
from torch import nn

from autoact.errors import ConfigurationError, RunDirectoryError
from autoact.records import Ledger
from autoact.search.setup import Settings
from autoact.spaces import Assignment, Choice, SearchSpace
from tests.search.models import network, variables

SPACE = SearchSpace("test", ("relu", "elu", "tanh"))
ORIGINAL = Assignment({"net.1": "relu", "net.3": "relu"})
SETTINGS = Settings(monitor="val_loss", budget=12)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "trainings.jsonl")


def opened(ledger: Ledger, settings: Settings = SETTINGS, space: SearchSpace = SPACE) -> ActivationStudy:
    file = ledger.path.with_name("study.db")
    found = variables(network(nn.ReLU(), nn.ReLU()), space)
    return open_study(file, "test", found, settings, Ledger(ledger.path))


def stored(ledger: Ledger) -> optuna.Study:
    with quiet_optuna():
        return optuna.load_study(study_name="test", storage=f"sqlite:///{ledger.path.with_name('study.db')}")


def states(ledger: Ledger) -> list[str]:
    return [trial.state.name for trial in stored(ledger).trials]


def value_of(assignment: Assignment) -> float:
    return sum({"tanh": 0.0, "elu": 0.3, "relu": 0.5}[choice.activation] for choice in assignment.values())


def result(proposal: Proposal, value: float | None = None, state: str = "finished") -> Entry:
    return Entry(
        phase="trial",
        label=proposal.label,
        key=key_of(proposal.assignment),
        assignment=proposal.assignment.to_dict()["layers"],
        seed=1,
        steps=10,
        seconds=0.1,
        selection=value_of(proposal.assignment) if value is None else value,
        state=state,  # type: ignore[arg-type]
        trial=proposal.trial,
    )


def run(study: ActivationStudy, ledger: Ledger, trials: int) -> list[Assignment]:
    asked = []
    for _ in range(trials):
        proposal = study.ask()
        asked.append(proposal.assignment)
        ledger.append(result(proposal))
        study.tell(ledger.entries[-1])
    return asked


def test_enqueued_assignments_come_first_exactly_as_given(ledger: Ledger) -> None:
    study = opened(ledger)
    outside = Assignment({"net.1": Choice("elu", {"alpha": 1000.0}), "net.3": "tanh"})
    study.enqueue(outside, "prior's choice")
    study.enqueue(ORIGINAL, "original")
    study.enqueue(ORIGINAL, "original")
    first, second, third = study.ask(), study.ask(), study.ask()
    assert (first.label, first.assignment) == ("prior's choice", outside)
    assert (second.label, second.assignment) == ("original", ORIGINAL)
    assert third.label == "trial 2"


def test_an_interrupted_study_asks_what_an_undisturbed_one_asks(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    undisturbed = Ledger(tmp_path / "other" / "trainings.jsonl")
    expected = run(opened(undisturbed), undisturbed, 10)
    asked = run(opened(ledger), ledger, 4)
    opened(ledger).ask()  # killed here: the trial stays RUNNING
    assert states(ledger)[-1] == "RUNNING"
    asked += run(opened(ledger), ledger, 6)
    assert asked == expected
    assert len({key_of(assignment) for assignment in asked}) > 5


def test_a_killed_trial_is_failed_and_asked_again(ledger: Ledger) -> None:
    killed = opened(ledger).ask()
    again = opened(ledger).ask()
    assert states(ledger) == ["FAIL", "RUNNING"]
    assert again.assignment == killed.assignment
    assert stored(ledger).trials[1].user_attrs["retry_of"] == killed.trial


def test_a_trial_killed_between_ledger_and_study_is_told_not_repeated(ledger: Ledger) -> None:
    proposal = opened(ledger).ask()
    ledger.append(result(proposal, 0.125))
    opened(ledger)
    assert states(ledger) == ["COMPLETE"]
    assert stored(ledger).trials[0].value == 0.125


def test_abandoned_trials_are_not_left_running(ledger: Ledger) -> None:
    study = opened(ledger)
    study.enqueue(ORIGINAL, "original")
    asked = [study.ask(), study.ask()]
    study.abandon()
    assert states(ledger) == ["FAIL", "FAIL", "WAITING", "WAITING"]
    assert [study.ask().assignment for _ in asked] == [proposal.assignment for proposal in asked]


@pytest.mark.parametrize("state", ["diverged", "failed"])
def test_a_trial_without_a_value_fails_and_teaches_nothing(ledger: Ledger, state: str) -> None:
    study = opened(ledger)
    study.tell(result(study.ask(), float("nan"), state))
    assert states(ledger) == ["FAIL"]
    run(study, ledger, 3)
    assert states(ledger) == ["FAIL", "COMPLETE", "COMPLETE", "COMPLETE"]


@pytest.mark.parametrize(("mode", "direction"), [("min", "MINIMIZE"), ("max", "MAXIMIZE")])
def test_direction_and_metric_are_stored(ledger: Ledger, mode: str, direction: str) -> None:
    opened(ledger, Settings(monitor="score", mode=mode))  # type: ignore[arg-type]
    assert stored(ledger).direction.name == direction
    assert stored(ledger).user_attrs["metric"] == "score"


def test_another_space_cannot_take_over_a_study(ledger: Ledger) -> None:
    run(opened(ledger), ledger, 1)
    other = SearchSpace("test", ("relu", "gelu"))
    with pytest.raises(ConfigurationError, match=r"net\.1 was .*'elu', 'tanh'.* and is .*'gelu'.* now"):
        opened(ledger, space=other)


def test_a_study_half_made_by_a_killed_process_is_made_again(ledger: Ledger) -> None:
    ledger.path.with_name(".study.db.partial").write_bytes(b"half a database")
    run(opened(ledger), ledger, 1)
    assert states(ledger) == ["COMPLETE"]


@pytest.mark.parametrize(
    "name", ["a?b", "lr=10%", "a%20b", "run#2", "{x}", "{0}", "a b&c=d;e", "?mode=ro", "é"]
)
def test_any_directory_name_holds_its_study(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    ledger = Ledger(folder / "trainings.jsonl")
    run(opened(ledger), ledger, 1)
    run(opened(ledger), ledger, 1)
    assert {file.name for file in folder.iterdir()} == {"trainings.jsonl", "study.db"}
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_broken_study_file_is_named(ledger: Ledger) -> None:
    ledger.path.with_name("study.db").write_bytes(b"not a database" * 100)
    with pytest.raises(RunDirectoryError, match=r"study\.db cannot be opened"):
        opened(ledger)


def test_a_storage_that_optuna_cannot_use_is_bad_input(ledger: Ledger) -> None:
    with pytest.raises(ConfigurationError, match=r"storage is 'nosuch://x'; Optuna cannot use it"):
        opened(ledger, Settings(monitor="val_loss", storage="nosuch://x"))


def test_a_given_storage_holds_the_study(ledger: Ledger) -> None:
    url = f"sqlite:///{ledger.path.with_name('shared.db')}"
    run(opened(ledger, Settings(monitor="val_loss", storage=url)), ledger, 2)
    run(opened(ledger, Settings(monitor="val_loss", storage=url)), ledger, 1)
    assert not ledger.path.with_name("study.db").exists()
    with quiet_optuna():
        study = optuna.load_study(study_name="test", storage=url)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 3


def test_optuna_is_quiet_and_its_verbosity_restored(
    ledger: Ledger, capfd: pytest.CaptureFixture[str]
) -> None:
    optuna.logging.set_verbosity(logging.DEBUG)
    try:
        with quiet_optuna():
            run(opened(ledger), ledger, 2)
        assert optuna.logging.get_verbosity() == logging.DEBUG
    finally:
        optuna.logging.set_verbosity(logging.INFO)
    assert capfd.readouterr() == ("", "")
