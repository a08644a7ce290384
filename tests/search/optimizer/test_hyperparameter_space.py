"""Hyperparameters beside activations: as numbers, and in what the Gaussian process believes."""

import math
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import create_trial

from autoact.search.optimizer import FunctionSpaceSampler
from autoact.search.optimizer._gaussian_process import HYPER, HYPER_LAYERS, GaussianProcess
from autoact.search.optimizer._kernel import kernel_of
from autoact.search.optimizer._observations import HyperparameterSpace, Observations, Points

NAMES = ("relu", "gelu", "tanh", "sin")
SPACE: dict[str, BaseDistribution] = {
    "depth": IntDistribution(1, 5),
    "dropout": FloatDistribution(0.0, 0.5),
    "lr": FloatDistribution(1e-4, 1e-1, log=True),
    "optimizer": CategoricalDistribution(["adam", "sgd", None]),
}


def numbers(**values: Any) -> tuple[float, ...] | None:
    usual = {"depth": 1, "dropout": 0.0, "lr": 1e-4, "optimizer": "adam"}
    trial = create_trial(params=usual | values, distributions=SPACE, value=0.0)
    return HyperparameterSpace(tuple(SPACE.items())).numbers(trial)


def test_ranges_go_from_0_to_1_and_values_of_a_choice_are_equally_far_apart() -> None:
    assert HyperparameterSpace(tuple(SPACE.items())).width == 6
    assert numbers() == (0.0, 0.0, 0.0, 0.3, 0.0, 0.0)
    assert numbers(depth=3, dropout=0.125, lr=1e-1) == (0.5, 0.25, 1.0, 0.3, 0.0, 0.0)
    assert numbers(lr=1e-3) == pytest.approx((0.0, 0.0, 1 / 3, 0.3, 0.0, 0.0))
    choices = np.array([numbers(optimizer=value) for value in ("adam", "sgd", None)])
    apart = [np.linalg.norm(choices[i] - choices[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert apart == pytest.approx([apart[0]] * 3)


@pytest.mark.parametrize("distribution", [IntDistribution(1, 64, log=True), IntDistribution(1, 1)])
def test_integers_may_be_logarithmic_or_single(distribution: IntDistribution) -> None:
    space = HyperparameterSpace((("width", distribution),))
    trial = create_trial(
        params={"width": distribution.high}, distributions={"width": distribution}, value=0.0
    )
    assert space.numbers(trial) == (1.0 if distribution.high > 1 else 0.0,)


def test_a_trial_that_lacks_one_has_no_numbers() -> None:
    trial = create_trial(params={"depth": 1}, distributions={"depth": SPACE["depth"]}, value=0.0)
    assert HyperparameterSpace(tuple(SPACE.items())).numbers(trial) is None


def observed(rng: np.random.Generator, effect: float, count: int = 60) -> Observations:
    """Values of random activations in two layers at random rates; rates matter by so many spreads."""
    rows, rates = rng.integers(4, size=(count, 2)), rng.random((count, 1))
    values = 0.5 * (rows == 2).sum(axis=1) + effect * np.square(rates[:, 0] - 0.7)
    return Observations(
        assignments=rows,
        fidelities=np.ones(count),
        runs=np.arange(count),
        values=values,
        hyperparameters=rates,
    )


def test_a_rate_with_a_large_effect_is_not_taken_for_noise(rng: np.random.Generator) -> None:
    seen = observed(rng, effect=8.0)
    kernel = kernel_of((NAMES,) * 2)
    blind = Observations(
        assignments=seen.assignments,
        fidelities=seen.fidelities,
        runs=seen.runs,
        values=seen.values,
        hyperparameters=np.empty((len(seen), 0)),
    )
    knows, guesses = GaussianProcess.fit(kernel, seen), GaussianProcess.fit(kernel, blind)
    assert knows.noise < guesses.noise / 5
    rates = np.linspace(0, 1, 11)[:, None]
    means = knows.mean(Points.means(np.zeros((11, 2), dtype=np.intp), rates))
    assert abs(rates[means.argmin(), 0] - 0.7) <= 0.1
    asked = np.array([[a, b] for a in range(4) for b in range(4)])
    best = knows.mean(Points.means(asked, np.full((16, 1), 0.7)))
    assert sorted(best.argsort()[:9]) == [i for i, row in enumerate(asked.tolist()) if 2 not in row]


def test_a_rate_without_effect_is_learned_to_have_none(rng: np.random.Generator) -> None:
    matters, idle = (
        GaussianProcess.fit(kernel_of((NAMES,) * 2), observed(rng, effect)).covariance.variances
        for effect in (8.0, 0.0)
    )
    assert idle[HYPER] + idle[HYPER_LAYERS] < 0.2 * (matters[HYPER] + matters[HYPER_LAYERS])


def test_equal_hyperparameters_are_those_without() -> None:
    """A covariance of what is the same everywhere is a constant: it changes no difference of means."""
    generator = np.random.default_rng(3)
    rows, values = generator.integers(4, size=(20, 2)), generator.standard_normal(20)
    orders = []
    for width in (0, 2):
        seen = Observations(
            assignments=rows,
            fidelities=np.ones(20),
            runs=np.arange(20),
            values=values,
            hyperparameters=np.full((20, width), 0.5),
        )
        orders.append(GaussianProcess.fit(kernel_of((NAMES,) * 2), seen).observed_means().argmin())
    assert orders[0] == orders[1]


@pytest.mark.parametrize("seed", range(2))
def test_a_study_finds_activation_and_rate_though_the_rate_matters_more(seed: int) -> None:
    """The worst activation at a good rate beats the best at a bad one: what is recommended has both."""

    def objective(trial: optuna.Trial) -> float:
        names = [trial.suggest_categorical(f"layer{i}", NAMES) for i in range(2)]
        rate = trial.suggest_float("lr", 1e-4, 1e-1, log=True)
        return 3.0 * abs(math.log10(rate) + 2.0) + sum(abs(NAMES.index(name) - 1) for name in names) / 4

    sampler = FunctionSpaceSampler(seed=seed)
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=30)
    best = sampler.best_trial(study)
    assert abs(math.log10(best.params["lr"]) + 2.0) < 0.5
    assert sum(abs(NAMES.index(best.params[f"layer{i}"]) - 1) for i in range(2)) <= 1
    (mean, deviation), *_ = sampler.posterior(study, [best])
    assert best.value is not None
    assert abs(mean - best.value) < 0.5
    assert deviation > 0
