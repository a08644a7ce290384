"""The sampler in plain studies of every kind: what users may do with a sampler works with this one."""

import math
from typing import Literal

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from autoact.errors import ConfigurationError, SearchFailedError
from autoact.search.optimizer import FunctionSpaceSampler
from autoact.search.optimizer._trial_observations import LayerSpace, common_space, observations

NAMES = ["relu", "gelu", "tanh", "sin"]
LAYERS = ("a", "b", "c")


def loss(names) -> float:
    """Best: gelu, gelu, tanh."""
    wanted = ("gelu", "gelu", "tanh")
    return sum(abs(NAMES.index(name) - NAMES.index(want)) for name, want in zip(names, wanted, strict=True))


def objective(trial) -> float:
    return loss([trial.suggest_categorical(layer, NAMES) for layer in LAYERS])


def seen(study) -> list:
    return [tuple(trial.params.values()) for trial in study.trials]


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_it_finds_the_best_of_64_in_24_trials(direction: Literal["minimize", "maximize"]) -> None:
    sign = 1 if direction == "minimize" else -1
    sampler = FunctionSpaceSampler(seed=1)
    study = optuna.create_study(sampler=sampler, direction=direction)
    study.optimize(lambda trial: sign * objective(trial), n_trials=24)
    assert sampler.best_assignment(study) == {"a": "gelu", "b": "gelu", "c": "tanh"}


def test_the_same_seed_gives_the_same_study_and_another_another() -> None:
    runs = []
    for seed in (3, 3, 4):
        study = optuna.create_study(sampler=FunctionSpaceSampler(seed=seed))
        study.optimize(objective, n_trials=8)
        runs.append(seen(study))
    assert runs[0] == runs[1] != runs[2]


def test_a_new_process_with_the_same_seed_goes_on_without_repeating_itself() -> None:
    storage = optuna.storages.InMemoryStorage()
    study = optuna.create_study(storage=storage, study_name="s", sampler=FunctionSpaceSampler(seed=0))
    study.optimize(objective, n_trials=6)
    again = optuna.load_study(study_name="s", storage=storage, sampler=FunctionSpaceSampler(seed=0))
    again.optimize(objective, n_trials=6)
    assert len(set(seen(again))) > 8


def test_trials_that_run_at_the_same_time_differ() -> None:
    study = optuna.create_study(sampler=FunctionSpaceSampler(seed=0))
    study.optimize(objective, n_trials=6)
    trials = [study.ask() for _ in range(6)]
    asked = [tuple(trial.suggest_categorical(layer, NAMES) for layer in LAYERS) for trial in trials]
    assert len(set(asked)) >= 5
    for trial, names in zip(trials, asked, strict=True):
        study.tell(trial, loss(names))
    assert all(trial.state == TrialState.COMPLETE for trial in study.trials)


def test_threads_and_other_parameters() -> None:
    def mixed(trial) -> float:
        rate = trial.suggest_float("lr", 1e-4, 1e-1, log=True)
        width = trial.suggest_int("width", 8, 64)
        optimizer = trial.suggest_categorical("optimizer", ["adam", "sgd"])
        return objective(trial) + abs(math.log10(rate) + 2) + 0.01 * width + (optimizer == "sgd")

    sampler = FunctionSpaceSampler(seed=0)
    study = optuna.create_study(sampler=sampler)
    study.optimize(mixed, n_trials=20, n_jobs=2)
    assert len(study.trials) == 20
    assert set(sampler.best_assignment(study)) == set(LAYERS)
    assert len({trial.params["lr"] for trial in study.trials}) == 20


def test_layers_that_not_every_trial_has() -> None:
    def conditional(trial) -> float:
        depth = trial.suggest_int("depth", 1, 3)
        return loss(
            [trial.suggest_categorical(layer, NAMES) for layer in LAYERS[:depth]] + ["tanh"] * (3 - depth)
        )

    sampler = FunctionSpaceSampler(seed=0)
    study = optuna.create_study(sampler=sampler)
    study.optimize(conditional, n_trials=15)
    assert all(trial.state == TrialState.COMPLETE for trial in study.trials)
    assert set(sampler.best_assignment(study)) == {"a"}


def test_pruned_trials_teach() -> None:
    """Bad activations are always pruned at the first of four steps: the complete ones alone say little."""

    def pruned(trial) -> float:
        value = objective(trial)
        for step in range(4):
            trial.report(value + 1 / (step + 1), step)
            if value > 2 and step == 0:
                raise optuna.TrialPruned
        return value

    sampler = FunctionSpaceSampler(seed=0)
    study = optuna.create_study(sampler=sampler)
    study.optimize(pruned, n_trials=25)
    states = [trial.state for trial in study.trials]
    assert TrialState.PRUNED in states
    assert loss(sampler.best_assignment(study).values()) <= 1
    told = observations(LayerSpace.of(common_space(study.trials)), study.trials, minimize=True)
    assert set(told.fidelities.tolist()) == {0.25, 1.0}
    assert (told.fidelities == 0.25).sum() == 25  # complete trials passed that rung too


def test_failed_and_not_finite_trials_count_as_bad() -> None:
    def failing(trial) -> float:
        value = objective(trial)
        if trial.params["a"] == "sin":
            return math.nan
        if trial.params["a"] == "relu":
            raise RuntimeError("diverged")
        return value

    sampler = FunctionSpaceSampler(seed=0)
    study = optuna.create_study(sampler=sampler)
    study.optimize(failing, n_trials=30, catch=(RuntimeError,))
    late = [trial.params["a"] for trial in study.trials[15:]]
    assert sum(name in ("sin", "relu") for name in late) <= 5
    assert sampler.best_assignment(study)["a"] in ("gelu", "tanh")


def test_the_recommendation_is_not_the_luckiest_trial() -> None:
    """One lucky value of a bad assignment among many consistent ones does not win."""
    space: dict[str, BaseDistribution] = {name: CategoricalDistribution(NAMES) for name in ("a", "b")}
    rng = np.random.default_rng(0)
    study = optuna.create_study(sampler=FunctionSpaceSampler(seed=0))
    for first in NAMES:
        for second in NAMES:
            for _ in range(2):
                value = (first != "gelu") + (second != "gelu") + 0.3 * float(rng.standard_normal())
                study.add_trial(
                    create_trial(params={"a": first, "b": second}, distributions=space, value=value)
                )
    study.add_trial(create_trial(params={"a": "sin", "b": "sin"}, distributions=space, value=-1.0))
    assert study.best_params == {"a": "sin", "b": "sin"}
    assert FunctionSpaceSampler(seed=0).best_assignment(study) == {"a": "gelu", "b": "gelu"}


def test_enqueued_trials_are_tried() -> None:
    study = optuna.create_study(sampler=FunctionSpaceSampler(seed=0))
    study.optimize(objective, n_trials=3)
    study.enqueue_trial(dict.fromkeys(LAYERS, "sin"))
    study.optimize(objective, n_trials=1)
    assert seen(study)[3] == ("sin", "sin", "sin")


def test_studies_without_activations_are_left_to_the_independent_sampler() -> None:
    study = optuna.create_study(sampler=FunctionSpaceSampler(seed=0))
    study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=15)
    assert abs(study.best_params["x"]) < 0.5
    with pytest.raises(SearchFailedError, match="15 trials"):
        FunctionSpaceSampler().best_assignment(study)


def test_one_choice_only_is_no_question() -> None:
    sampler = FunctionSpaceSampler(seed=0)
    study = optuna.create_study(sampler=sampler)
    study.optimize(
        lambda trial: loss(
            [trial.suggest_categorical("a", ["gelu"]), *[trial.suggest_categorical("b", NAMES)] * 2]
        ),
        n_trials=8,
    )
    assert sampler.best_assignment(study)["a"] == "gelu"


def test_bad_use_is_an_error_that_says_what_to_do() -> None:
    several = optuna.create_study(directions=["minimize"] * 2, sampler=FunctionSpaceSampler())
    with pytest.raises(ValueError, match="multi-objective"):
        several.ask().suggest_categorical("a", NAMES)
    twice = optuna.create_study(sampler=FunctionSpaceSampler())
    with pytest.raises(
        ConfigurationError, match=r"'a' offers relu, tanh, relu; each activation .* only once"
    ):
        twice.ask({"a": CategoricalDistribution(["relu", "tanh", "relu"])})
    with pytest.raises(ConfigurationError, match="max_step is 0"):
        FunctionSpaceSampler(max_step=0)
    with pytest.raises(SearchFailedError, match="None of the 0 trials"):
        FunctionSpaceSampler().best_assignment(optuna.create_study())


@pytest.mark.parametrize(("layers", "count"), [(3, 8), (100, 40)])
def test_asking_stays_fast_at_500_trials(layers: int, count: int) -> None:
    """Bounded by what is compared, not by the clock: candidate_set times observations times layers."""
    from autoact.activations import list_activations
    from autoact.search.optimizer._acquisition import candidate_set

    names = list_activations()[:count]
    rng = np.random.default_rng(0)
    tried = rng.integers(len(names), size=(500, layers))
    options = candidate_set([len(names)] * layers, lambda: tried, rng)
    assert len(options) * 500 * layers <= 3e7
    assert len(options) >= 128


def test_large_spaces_work() -> None:
    from autoact.activations import list_activations

    names = list(list_activations()[:20])
    space: dict[str, BaseDistribution] = {f"layer{i:03}": CategoricalDistribution(names) for i in range(60)}
    space |= {"x": FloatDistribution(0, 1)}
    study = optuna.create_study(sampler=FunctionSpaceSampler(seed=0))
    for _ in range(4):
        trial = study.ask(space)
        study.tell(trial, sum(names.index(name) for name in list(trial.params.values())[:60]))
    assert len(set(seen(study))) == 4
