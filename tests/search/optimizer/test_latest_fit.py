"""The latest fit is the same for all trials of a round, and another one once a trial was told."""

import pickle

import numpy as np
import optuna
import pytest

from autoact.search.optimizer import FunctionSpaceSampler
from autoact.search.optimizer._gaussian_process import GaussianProcess
from autoact.search.optimizer._latest_fit import LatestFit

NAMES = ("relu", "gelu", "tanh", "sin")


def ask(study: optuna.Study) -> optuna.Trial:
    trial = study.ask()
    for layer in ("a", "b"):
        trial.suggest_categorical(layer, NAMES)
    return trial


def study_of(sampler: FunctionSpaceSampler) -> optuna.Study:
    study = optuna.create_study(sampler=sampler)
    for _ in range(6):
        trial = ask(study)
        study.tell(trial, NAMES.index(trial.params["a"]) + 0.1 * trial.number)
    return study


def test_a_round_takes_one_fit_and_asks_as_if_each_trial_took_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fit, fitted = GaussianProcess.fit, list[int]()

    def counted(kernel, seen, *more):
        fitted.append(len(seen))
        return fit(kernel, seen, *more)

    monkeypatch.setattr(GaussianProcess, "fit", counted)
    study = study_of(FunctionSpaceSampler(seed=3))
    fitted.clear()
    asked = [ask(study).params for _ in range(8)]
    assert fitted == [6]
    assert len({tuple(params.values()) for params in asked}) == 8
    monkeypatch.setattr(LatestFit, "__call__", lambda self, kernel, seen: fit(kernel, seen))
    other = study_of(FunctionSpaceSampler(seed=3))
    assert asked == [ask(other).params for _ in range(8)]


def test_it_pickles_without_what_was_fitted() -> None:
    sampler = FunctionSpaceSampler(seed=3)
    ask(study_of(sampler))
    assert sampler._fit._known is not None
    assert pickle.loads(pickle.dumps(sampler))._fit._known is None


def test_many_trials_may_be_pending_and_still_differ() -> None:
    study = study_of(FunctionSpaceSampler(seed=0))
    asked = [tuple(ask(study).params.values()) for _ in range(10)]
    assert len(set(asked)) == 10
    assert all(np.isin(row, NAMES).all() for row in asked)
