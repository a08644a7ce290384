"""Rounds of trials: as many as fill a stack are asked for before one is told, and the budget stays exact."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
from torch import nn

from autoact.records import Ledger, RunDirectory, Stack, Training
from autoact.search.executors import Inline
from autoact.search.setup import Settings, seeds_for
from autoact.search.study import Domain, Search, Study, quiet_optuna, run_trials
from autoact.search.trainings import Trainings
from autoact.spaces import SearchSpace
from autoact.training import Measurement
from tests.search.models import network, variables

SPACE = SearchSpace("test", ("relu", "elu", "tanh"))
VALUES = {"tanh": 0.0, "elu": 0.3, "relu": 0.5}


class Task:
    """A task that notes its stacks, and may be interrupted in one of them."""

    def __init__(self, stop_at: float = math.inf) -> None:
        self.stop_at, self.rounds = stop_at, list[list[int | None]]()

    def measure(self, training: Training, extras: Any) -> Measurement:
        return self.measure_stack([training])[0]

    def measure_stack(self, trainings: Sequence[Training], checkpoint: Any = None) -> list[Measurement]:
        if len(self.rounds) == self.stop_at:
            raise KeyboardInterrupt
        self.rounds.append([training.trial for training in trainings])
        return [
            Measurement(selection=value(each), steps=1, planned_steps=1.0, seconds=0.1) for each in trainings
        ]


def value(training: Training) -> float:
    assert training.assignment is not None
    return sum(VALUES[choice.activation] for choice in training.assignment.values()) + training.seed % 7 / 100


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with quiet_optuna():
        yield


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    return RunDirectory.create(tmp_path / "run", {"study": "test"})


def study_of(
    directory: RunDirectory, task: Task, size: int, each: int | None = None, **changes: Any
) -> Study:
    settings = Settings(monitor="val_loss", budget=20, **changes)
    found = variables(network(nn.ReLU(), nn.ReLU()), SPACE)
    search = Search(
        settings=settings,
        seeds=seeds_for(settings),
        variables=found,
        directory=directory,
        trainings=Trainings(
            Inline(task), task, Ledger(directory.ledger_file), stack=Stack(size=size, round=each or size)
        ),
    )
    return Study(Domain(search, found))


def known(directory: RunDirectory) -> list[tuple[Any, ...]]:
    return [(t.trial, t.key, t.seed, t.selection) for t in Ledger(directory.ledger_file).trainings]


@pytest.mark.slow
def test_trials_come_in_rounds_that_spend_the_budget(directory: RunDirectory) -> None:
    task = Task()
    study = study_of(directory, task, 8)
    run_trials(study.domain.search, study, 19)
    assert [number for each in task.rounds for number in each] == list(range(19))
    assert max(map(len, task.rounds)) <= 8
    assert study.spent == 19
    assert [trial.state.name for trial in study.optuna.trials] == ["COMPLETE"] * 19


def test_the_first_trials_fill_a_stack_as_nothing_is_known_before_them(directory: RunDirectory) -> None:
    task = Task()
    study = study_of(directory, task, 8, 1)
    run_trials(study.domain.search, study, 5)
    run_trials(study.domain.search, study, 7)
    assert task.rounds == [[0, 1, 2, 3, 4], [5], [6]]


def beside(study: Study) -> list[Training]:
    search = study.domain.search
    return [
        Training(
            phase="baseline",
            label=name,
            assignment=search.variables.uniform(name),
            seed=search.seeds.trial(0),
        )
        for name in search.variables.names
    ]


@pytest.mark.parametrize(
    ("size", "each", "rounds"),
    [
        (8, 1, [[0, 1, 2, 3, 4, 5, 6, 7], [8]]),
        (7, 1, [[0, 1, 2, 3, 4], [5]]),
        (1, 1, [[n] for n in range(6)]),
    ],
)
def test_the_baselines_are_trained_with_the_first_trials_where_they_fit(
    directory: RunDirectory, size: int, each: int, rounds: list[list[int]]
) -> None:
    task = Task()
    study = study_of(directory, task, size, each)
    more = beside(study)
    run_trials(study.domain.search, study, 5, beside=more)
    assert sorted(study.trainings) == [0, 1, 2, 3, 4], "whoever asked for the others tells of them"
    found = [study.domain.search.ledger.find(training) for training in more]
    study.add([training for training in found if training is not None])
    run_trials(study.domain.search, study, 6, beside=more)
    assert task.rounds == rounds
    assert study.spent == 6


def killed_and_resumed(directory: RunDirectory, samplers: Sequence[Any]) -> None:
    study = study_of(directory, Task(stop_at=2), 8, sampler=samplers[0])
    with pytest.raises(KeyboardInterrupt):
        run_trials(study.domain.search, study, 19)
    assert 0 < len(known(directory)) < 19
    study = study_of(directory, Task(), 8, sampler=samplers[1])
    run_trials(study.domain.search, study, 19)


@pytest.mark.parametrize("seed", [None, 1], ids=["own", "random"])
@pytest.mark.slow
def test_a_run_that_is_killed_in_a_stack_goes_on_as_if_undisturbed(tmp_path: Path, seed: int | None) -> None:
    made = [None if seed is None else optuna.samplers.RandomSampler(seed=seed) for _ in range(3)]
    whole, killed = (RunDirectory.create(tmp_path / name, {"study": "test"}) for name in ("a", "b"))
    study = study_of(whole, Task(), 8, sampler=made[0])
    run_trials(study.domain.search, study, 19)
    killed_and_resumed(killed, made[1:])
    assert known(killed) == known(whole)


@pytest.mark.slow
def test_a_sampler_that_learns_goes_on_after_a_kill_within_the_budget(directory: RunDirectory) -> None:
    killed_and_resumed(directory, [optuna.samplers.TPESampler(seed=1) for _ in range(2)])
    assert [number for number, *_ in known(directory)] == list(range(19))


@pytest.mark.slow
def test_trials_with_hyperparameters_of_their_own_are_trained_alone(directory: RunDirectory) -> None:
    task = Task()
    study = study_of(directory, task, 8, parameters={"model.lr": {"log": [0.01, 0.1]}})
    run_trials(study.domain.search, study, 5)
    assert list(map(len, task.rounds)) == [1] * 5
