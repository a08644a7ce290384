"""Ranges of hyperparameters are read, refused and sampled as written, and reach the model."""

import pickle
from functools import partial
from typing import Any

import optuna
import pytest

from autoact.errors import ConfigurationError
from autoact.records import Value, model_key
from autoact.search.setup import Hyperparameters, Settings
from autoact.search.trainings import own_values, with_values
from autoact.spaces import Assignment
from autoact.training.configuration import Component
from tests.search.models import Curve

ALL = {
    "model.lr": {"log": ["1e-4", 1e-1]},  # plain YAML reads 1e-4 as text
    "model.dropout": {"uniform": [0, 0.5]},
    "model.depth": {"int": [1, 3]},
    "model.optimizer": {"choice": ["adam", "sgd", None]},
}


def test_what_is_suggested_lies_in_its_range() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    space = {one.name: one.distribution for one in Hyperparameters.of(ALL)}
    found = [study.ask(space).params for _ in range(60)]
    assert all(1e-4 <= values["model.lr"] <= 1e-1 for values in found)
    below = sum(values["model.lr"] < 10**-2.5 for values in found)
    assert 20 < below < 40  # half of the draws lie in half of the decades
    assert all(0 <= values["model.dropout"] <= 0.5 for values in found)
    assert {values["model.depth"] for values in found} == {1, 2, 3}
    assert {values["model.optimizer"] for values in found} == {"adam", "sgd", None}


def test_plain_types_make_an_equal_one() -> None:
    searched = Hyperparameters.of(ALL)
    assert Hyperparameters.of(searched.to_dict()) == searched
    assert Settings(monitor="val_loss", parameters=ALL).hyperparameters == searched
    assert Settings(monitor="val_loss").to_dict()["parameters"] == {}


def test_a_spread_divides_every_range_evenly() -> None:
    spread = Hyperparameters.of(ALL).spread(6, seed=3)
    rates = sorted(values["model.lr"] for values in spread)  # type: ignore[type-var]
    assert rates == pytest.approx([1e-4 * 10 ** (3 * (n + 0.5) / 6) for n in range(6)])
    assert sorted(values["model.depth"] for values in spread) == [1, 1, 2, 2, 3, 3]  # type: ignore[type-var]
    assert {values["model.optimizer"] for values in spread} == {"adam", "sgd", None}
    assert spread == Hyperparameters.of(ALL).spread(6, seed=3) != Hyperparameters.of(ALL).spread(6, seed=4)


@pytest.mark.parametrize(
    ("given", "encoded"),
    [
        ({"model.lr": 0.01}, {"model.lr": 0.01}),
        ({"model.lr": 5}, {"model.lr": 0.1}),
        ({"model.depth": 7}, {"model.depth": 3}),
        ({"model.depth": True}, {}),
        ({"model.optimizer": "sgd"}, {"model.optimizer": "sgd"}),
        ({"model.optimizer": "lion"}, {}),
        ({}, {}),
    ],
)
def test_a_given_value_becomes_the_nearest_allowed_one(given: Any, encoded: dict[str, Value]) -> None:
    assert Hyperparameters.of(ALL).encode(given) == encoded


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], r"parameters is \[\]; it must map"),
        ({"lr": {"log": [1, 2]}}, "lr is no argument of the model; write model and its name"),
        ({"trainer.max_epochs": {"int": [1, 2]}}, "trainer.max_epochs is no argument of the model"),
        ({"model.": {"log": [1, 2]}}, "is no argument of the model"),
        ({3: {"log": [1, 2]}}, "3 is no argument of the model"),
        ({"model.lr": [1, 2]}, r"model.lr is \[1, 2\]; it must have one kind of range. Give {log"),
        ({"model.lr": {}}, "must have one kind"),
        ({"model.lr": {"log": [1, 2], "int": [1, 2]}}, "must have one kind"),
        ({"model.lr": {"lgo": [1, 2]}}, "unknown kind 'lgo'; allowed: log, .* Did you mean 'log'"),
        ({"model.lr": {"log": 3}}, r"log is 3; it must be \[low, high\]"),
        ({"model.lr": {"log": [1, 2, 3]}}, "must be .low, high."),
        ({"model.lr": {"log": [0, 1]}}, "low must be above 0. Use uniform"),
        ({"model.lr": {"log": [2, 1]}}, "low must be below high"),
        ({"model.lr": {"uniform": [0, "many"]}}, "'many' is not a finite number"),
        ({"model.lr": {"uniform": [0, float("inf")]}}, "inf is not a finite number"),
        ({"model.lr": {"uniform": [False, True]}}, "False is not a finite number"),
        ({"model.lr": {"int": [1, 2.5]}}, "2.5 is not an integer"),
        ({"model.lr": {"choice": [1]}}, "must list two or more different"),
        ({"model.lr": {"choice": [1, 1]}}, "must list two or more different"),
        ({"model.lr": {"choice": [[1], [2]]}}, "must list two or more different"),
        ({"model.lr": {"choice": "adam"}}, "must list two or more different"),
    ],
)
def test_malformed_ranges(given: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Settings(monitor="val_loss", parameters=given)


def test_values_reach_a_class_a_partial_and_a_class_path() -> None:
    component = Component(class_path="tests.search.models.Curve")
    for make in (Curve, partial(Curve, lr=0.5), component):
        changed = pickle.loads(pickle.dumps(with_values(make, {"model.lr": 0.25})))
        assert changed().lr == 0.25
    assert component.init_args == {}


def test_values_reach_arguments_of_arguments() -> None:
    inner = {"class_path": "torch.nn.ELU", "init_args": {"alpha": 1.0}}
    outer = Component(class_path="torch.nn.Sequential", init_args={"act": inner, "other": 1})
    searched = Hyperparameters.of({"model.act.alpha": {"uniform": [0, 2]}})
    assert own_values(outer, searched) == {"model.act.alpha": 1.0}
    changed = with_values(outer, {"model.act.alpha": 0.5})
    assert isinstance(changed, Component)
    assert changed.init_args == {"act": {**inner, "init_args": {"alpha": 0.5}}, "other": 1}
    assert inner["init_args"] == {"alpha": 1.0}
    with pytest.raises(ConfigurationError, match=r"model\.net\.alpha is not in the model's init_args"):
        own_values(outer, Hyperparameters.of({"model.net.alpha": {"uniform": [0, 2]}}))


def test_own_values_are_those_that_the_model_is_made_with() -> None:
    searched = Hyperparameters.of({"model.lr": {"log": [1e-4, 1]}})
    path = "tests.search.models.Curve"
    assert own_values(Curve, searched) == {"model.lr": 1e-2}
    assert own_values(partial(Curve, lr=0.5), searched) == {"model.lr": 0.5}
    assert own_values(Component(class_path=path), searched) == {"model.lr": 1e-2}
    assert own_values(Component(class_path=path, init_args={"lr": 0.3}), searched) == {"model.lr": 0.3}
    assert own_values(lambda **given: Curve(**given), searched) == {}


def test_equal_values_are_equal_models() -> None:
    relu = Assignment({"a": "relu"})
    assert model_key(relu, {}) == model_key(relu)
    assert model_key(relu, {"x": 1, "y": 2.0}) == model_key(relu, {"y": 2.0, "x": 1})
    keys = {model_key(relu, values) for values in ({}, {"x": 1}, {"x": 2}, {"y": 1})}
    assert len(keys) == 4
