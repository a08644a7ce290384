"""What asking takes, counted: each comparison and each factorization once, each ended trial read once."""

import os
import pickle
import warnings
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial, create_trial
from threadpoolctl import threadpool_info, threadpool_limits

from autoact.search.optimizer import FunctionSpaceSampler
from autoact.search.optimizer._acquisition import LISTED
from autoact.search.optimizer._kernel import AssignmentKernel
from autoact.search.optimizer._threads import one_thread
from autoact.search.optimizer._trial_observations import LayerSpace

NAMES = ("relu", "gelu", "tanh", "sin")


def space_of(layers: int) -> dict[str, BaseDistribution]:
    return {f"layer{i}": CategoricalDistribution(NAMES) for i in range(layers)}


def filled(
    count: int, layers: int = 3, storage: str | None = None, seed: int = 0
) -> tuple[optuna.Study, dict[str, BaseDistribution]]:
    """A study with complete trials of random activations."""
    space, rng = space_of(layers), np.random.default_rng(seed)
    study = optuna.create_study(sampler=FunctionSpaceSampler(seed=0), storage=storage)
    for row in rng.integers(len(NAMES), size=(count, layers)):
        params = {name: NAMES[i] for name, i in zip(space, row, strict=True)}
        study.add_trial(create_trial(params=params, distributions=space, value=float(row.sum())))
    return study, space


@pytest.mark.parametrize(("layers", "running"), [(3, 0), (3, 4), (8, 0), (8, 4)])
def test_an_ask_compares_nothing_twice(monkeypatch, layers: int, running: int) -> None:
    study, space = filled(60, layers)
    for _ in range(running):
        study.ask(space)
    compared, factored = [], []
    grams, cholesky = AssignmentKernel.matrices, np.linalg.cholesky

    def counted_grams(self, first, second):
        compared.append((len(first), len(second)))
        return grams(self, first, second)

    def counted_cholesky(matrix):
        factored.append(len(matrix))
        return cholesky(matrix)

    monkeypatch.setattr(AssignmentKernel, "matrices", counted_grams)
    monkeypatch.setattr(np.linalg, "cholesky", counted_cholesky)
    study.ask(space)
    assert len(compared) == (4 if running else 3)
    assert (
        sum(a * b for a, b in compared) <= 60**2 + LISTED * (60 + running) + 96**2 + 60 * running + running**2
    )
    assert factored == ([running] if running else [60])  # the round before has fitted the 60 already


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_every_ended_trial_is_read_once(monkeypatch, tmp_path: Path, kind: str) -> None:
    read: list[int] = []
    number = LayerSpace.number

    def counted(self: LayerSpace, trial: FrozenTrial):
        if trial.state.is_finished():
            read.append(trial.number)
        return number(self, trial)

    monkeypatch.setattr(LayerSpace, "number", counted)
    study, space = filled(10, storage=f"sqlite:///{tmp_path}/study.db" if kind == "sqlite" else None)
    for value in range(4):
        study.tell(study.ask(space), float(value))
    assert sorted(read) == list(range(13))


def test_one_sampler_serves_several_studies() -> None:
    """Trials of the same number in other studies are other trials."""
    (low, space), (high, _) = filled(12, seed=1), filled(12, seed=2)
    alone = [FunctionSpaceSampler(seed=0).best_assignment(study) for study in (low, high)]
    shared = FunctionSpaceSampler(seed=0)
    asked = []
    for study in (low, high, low, high):
        study.sampler = shared
        asked.append(study.ask(space).params)
    assert [shared.best_assignment(study) for study in (low, high)] == alone
    for study, params in ((low, asked[0]), (high, asked[1])):
        fresh = optuna.create_study(sampler=FunctionSpaceSampler(seed=0))
        fresh.add_trials(study.trials[:12])
        assert fresh.ask(space).params == params


def test_a_sampler_pickles_without_what_it_has_read() -> None:
    study, space = filled(200)
    fresh = len(pickle.dumps(study.sampler))
    study.tell(study.ask(space), 1.0)
    copy = pickle.dumps(study.sampler)
    assert len(copy) < fresh + 2000
    again = optuna.create_study(sampler=pickle.loads(copy))
    again.add_trials(study.trials)
    assert again.ask(space).params == study.ask(space).params


def test_linear_algebra_has_one_thread_while_asking_and_as_many_as_before_afterwards() -> None:
    def threads() -> list[int]:
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    with threadpool_limits(2, user_api="blas"):
        before = threads()
        with one_thread():
            assert set(threads()) == {1}
        assert threads() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_process_that_forks_during_an_ask_leaves_its_child_able_to_ask() -> None:
    with one_thread():
        child = get_context("fork").Process(target=_enter)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that the process has threads is the point
            child.start()
    child.join(30)
    stuck = child.is_alive()
    child.kill()
    assert not stuck
    assert child.exitcode == 0


def _enter() -> None:
    with one_thread():
        pass
