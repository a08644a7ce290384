"""Second goal of the sampler: hypervolume, what is left of it with equal costs, and what is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import create_trial

from autoact.errors import ConfigurationError
from autoact.search.optimizer import FunctionSpaceSampler
from autoact.search.optimizer._acquisition import candidate_set, knowledge_gradient, surprises
from autoact.search.optimizer._known_costs import Budgets, KnownCosts, by_fronts
from autoact.search.optimizer._trial_observations import LayerSpace

NAMES = ["relu", "gelu", "silu", "tanh"]
COSTS = {"relu": 0.0, "tanh": 1.0, "silu": 1.5, "gelu": 2.0}
VALUES = {"relu": 1.0, "tanh": 0.7, "silu": 0.3, "gelu": 0.2}
LAYERS = ("layer0", "layer1")


def costs_of(change: Callable[[float], float] = lambda cost: cost) -> dict[str, dict[str, float]]:
    return {layer: {name: change(cost) for name, cost in COSTS.items()} for layer in LAYERS}


def hypervolume(values: np.ndarray, costs: np.ndarray, worst: float, highest: float) -> float:
    """Area that points dominate below two reference values, on a fine grid of costs."""
    grid = (np.arange(4000) + 0.5) / 4000 * highest
    best = np.where(costs[None, :] <= grid[:, None], values[None, :], worst).min(axis=1)
    return float((worst - best).mean() * highest)


def test_it_is_the_expected_gain_in_hypervolume(rng) -> None:
    costs, mean = rng.uniform(0, 1, 7), rng.standard_normal(7)
    costs[0] = 0.0
    slope = rng.standard_normal((3, 7))
    found = knowledge_gradient(mean, slope, Budgets.of(costs, 0.0, 1.0))
    surprises_seen = rng.standard_normal(2000)
    for own, gain in zip(slope, found, strict=True):
        # half of the weight is on budgets above every cost: the reference is twice the highest
        after = [hypervolume(mean + z * own, costs, 50.0, 2.0) for z in surprises_seen[:20]]
        exact = Budgets.of(costs, 0.0, 1.0)
        expected = [2.0 * (50.0 - float(exact.expected(mean + z * own))) for z in surprises_seen[:20]]
        np.testing.assert_allclose(after, expected, atol=2e-2)
        drawn = [float(exact.expected(mean + z * own)) for z in surprises_seen]
        spread = np.std(drawn) / np.sqrt(len(drawn))
        assert gain == pytest.approx(float(exact.expected(mean)) - np.mean(drawn), abs=4 * spread + 1e-3)


def test_with_equal_costs_it_is_the_knowledge_gradient_of_the_best_value(rng) -> None:
    mean, slope, equal = rng.standard_normal(9), rng.standard_normal((4, 9)), np.full(9, 3.0)
    one_goal = knowledge_gradient(mean, slope)
    np.testing.assert_allclose(knowledge_gradient(mean, slope, Budgets.of(equal, 3.0, 3.0)), one_goal)
    part = knowledge_gradient(mean, slope, Budgets.of(equal, 2.0, 4.0))  # among dearer and cheaper ones
    np.testing.assert_allclose(part, 0.75 * one_goal)
    budgets = Budgets.of(equal, 3.0, 3.0)
    np.testing.assert_array_equal(surprises(mean, slope, budgets), surprises(mean, slope))
    np.testing.assert_array_equal(by_fronts(mean, equal, 5), np.argsort(mean)[:5])


def trained(sampler: FunctionSpaceSampler, goals: int, trials: int = 8) -> optuna.Study:
    study = optuna.create_study(directions=["minimize"] * goals, sampler=sampler)
    rng = np.random.default_rng(0)
    for _ in range(trials):
        trial = study.ask()
        names = [trial.suggest_categorical(layer, NAMES) for layer in LAYERS]
        told = [sum(VALUES[n] for n in names) + 0.05 * rng.standard_normal(), sum(COSTS[n] for n in names)]
        study.tell(trial, told[:goals])
    return study


def test_with_equal_costs_a_study_asks_for_the_same_trials() -> None:
    one, two = (
        trained(FunctionSpaceSampler(seed=0, costs=costs), goals)
        for goals, costs in ((1, None), (2, costs_of(lambda cost: 1.0)))
    )
    assert [trial.params for trial in one.trials] == [trial.params for trial in two.trials]


def test_the_front_of_a_study_grows_dearer_and_better() -> None:
    sampler = FunctionSpaceSampler(seed=1, costs=costs_of())
    study = trained(sampler, 2, 14)
    front = sampler.best_trials(study)
    costs = [trial.values[1] for trial in front]
    means = [mean for mean, _ in sampler.posterior(study, front)]
    assert len(front) > 2
    assert costs == sorted(set(costs))
    assert means == sorted(means, reverse=True)
    assert sampler.best_assignment(study) == front[-1].params


def test_what_is_surprising_is_judged_for_every_budget() -> None:
    mean, slope = np.array([0.0, 1.0, 2.0]), np.array([[0.0, 0.0, 1.0], [0.1, 0.0, 0.0]])
    budgets = Budgets.of(np.array([2.0, 1.0, 0.0]), 0.0, 2.0)
    # the first training decides between the second and the third, of which the second is dearer
    assert surprises(mean, slope, budgets).tolist() == [1.0, 10.0]
    assert surprises(mean, slope).tolist() == [2.0, 10.0]


def test_costs_add_up_over_layers() -> None:
    layers = LayerSpace(LAYERS, (tuple(NAMES),) * 2)
    known = KnownCosts.of(layers, costs_of())
    assert known(np.array([[0, 0], [1, 3]])).tolist() == [0.0, 3.0]
    assert known.cheapest == [0, 0]
    with pytest.raises(ConfigurationError, match="none of gelu, tanh in 'layer1'"):
        KnownCosts.of(layers, {"layer0": COSTS, "layer1": {"relu": 1.0, "silu": 2.0}})


@pytest.mark.parametrize(
    ("more", "directions", "said"),
    [
        ({}, ["minimize", "minimize"], "multi-objective"),
        ({"costs": costs_of()}, ["minimize"], "of a value and a cost"),
        ({"costs": costs_of()}, ["minimize", "maximize"], "of a value and a cost"),
    ],
)
def test_other_objectives_are_refused(more: dict[str, Any], directions: Any, said: str) -> None:
    study = optuna.create_study(directions=directions, sampler=FunctionSpaceSampler(seed=0, **more))
    study.add_trial(
        create_trial(
            values=[1.0] * len(directions),
            params={"a": "relu"},
            distributions={"a": optuna.distributions.CategoricalDistribution(["relu", "gelu"])},
        )
    )
    with pytest.raises(ValueError, match=said):
        study.ask().suggest_categorical("a", ["relu", "gelu"])


def test_of_large_spaces_the_cheapest_assignment_is_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    weighed: list[np.ndarray] = []

    def noted(sizes: Any, best_first: Callable[[], Any], rng: np.random.Generator) -> np.ndarray:
        weighed.append(candidate_set(sizes, best_first, rng))
        return weighed[-1]

    monkeypatch.setattr("autoact.search.optimizer._sampler.candidate_set", noted)
    layers, rng = [f"layer{place}" for place in range(6)], np.random.default_rng(0)
    sampler = FunctionSpaceSampler(seed=0, costs=dict.fromkeys(layers, COSTS))  # of 4,096 assignments
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
    for _ in range(12):
        trial = study.ask()
        names = [trial.suggest_categorical(layer, NAMES) for layer in layers]
        told = sum(VALUES[n] for n in names) + 0.05 * rng.standard_normal()
        study.tell(trial, [told, sum(COSTS[n] for n in names)])
    assert len(weighed) == 11  # before the second trial and each that follows
    assert all((rows == 0).all(axis=1).any() for rows in weighed)
    assert len(sampler.best_trials(study)) > 2


def test_one_objective_has_no_front() -> None:
    sampler = FunctionSpaceSampler(seed=0)
    with pytest.raises(ValueError, match="no front"):
        sampler.best_trials(trained(sampler, 1, 2))
