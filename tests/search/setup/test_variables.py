"""Assignments and the parameters of trials say the same thing, in both directions."""

from typing import Any

import optuna
import pytest
import torch
from torch import nn

from autoact.records import model_key
from autoact.search.setup import Variables
from autoact.spaces import Assignment, Choice, LayerRule, Requirements, SearchSpace
from tests.search.models import network
from tests.search.models import variables as variables_of

SPACE = SearchSpace("test", ("relu", "elu", "tanh"))


def three_layers() -> nn.Module:
    return network(nn.ReLU(), nn.GELU(), head=[nn.LeakyReLU(0.2)])


def asked(variables: Variables, assignment: Assignment) -> tuple[Assignment, dict[str, Any]]:
    """Enqueue an assignment in a study as its values; return what is asked for."""
    values = variables.values(assignment)
    assert values is not None
    study = optuna.create_study()
    study.enqueue_trial(values)
    trial = study.ask(variables.distributions())
    return variables.assignment(trial.params), trial.params


def test_the_present_activation_is_a_candidate_with_its_own_settings() -> None:
    variables = variables_of(three_layers(), SPACE)
    assert [v.candidates[3:] for v in variables] == [(), ("gelu",), ("leaky_relu",)]
    original, _ = asked(variables, variables.original)
    assert original == Assignment(
        {"net.1": "relu", "net.3": "gelu", "head.1": Choice("leaky_relu", {"negative_slope": 0.2})}
    )


def test_an_enqueued_assignment_comes_back() -> None:
    variables = variables_of(three_layers(), SPACE)
    wanted = Assignment({"net.1": Choice("elu", {"alpha": 0.7}), "net.3": "tanh", "head.1": "relu"})
    came, parameters = asked(variables, wanted)
    assert came == wanted
    assert parameters == {"net.1": "elu", "net.1.elu.alpha": 0.7, "net.3": "tanh", "head.1": "relu"}


def test_a_value_outside_the_searched_range_is_clipped() -> None:
    variables = variables_of(network(nn.ReLU()), SPACE)
    came, _ = asked(variables, Assignment({"net.1": Choice("elu", {"alpha": 1e6})}))
    (_, parameter) = next(iter(variables.variables[0].searched("elu")))
    assert parameter.search is not None
    assert came["net.1"].parameters["alpha"] == parameter.search[1]


def test_values_per_channel_stay_the_models_own() -> None:
    prelu = nn.PReLU(3)
    with torch.no_grad():
        prelu.weight.copy_(torch.tensor([0.125, 0.25, 0.5]))
    variables = variables_of(network(prelu), SearchSpace("test", ("relu", "prelu")))
    came, parameters = asked(variables, variables.original)
    assert came["net.1"].parameters["slope"] == (0.125, 0.25, 0.5)
    assert parameters == {"net.1": "prelu"}


def test_a_group_makes_one_choice() -> None:
    space = SearchSpace("test", ("relu", "elu"), layers=(LayerRule(match="net.*", share="group"),))
    variables = variables_of(network(nn.ReLU(), nn.ReLU(), head=[nn.ReLU()]), space)
    assert [v.name for v in variables] == ["group net.1", "head.1"]
    mixed = Assignment({"net.1": Choice("elu", {"alpha": 0.5}), "net.3": "relu", "head.1": "relu"})
    came, parameters = asked(variables, mixed)
    assert came["net.1"] == came["net.3"] == Choice("elu", {"alpha": 0.5})
    assert set(parameters) == {"group net.1", "group net.1.elu.alpha", "head.1"}


def test_uniform_keeps_layers_where_the_activation_may_not_compete() -> None:
    space = SearchSpace(
        "test", ("relu", "tanh"), layers=(LayerRule(match="head.*", candidates=("softplus",)),)
    )
    variables = variables_of(three_layers(), space)
    assert variables.names == ("relu", "tanh", "softplus")
    assert {path: choice.activation for path, choice in variables.uniform("tanh").items()} == {
        "net.1": "tanh",
        "net.3": "tanh",
        "head.1": "leaky_relu",
    }
    assert variables.uniform("softplus")["head.1"] == Choice("softplus")


def test_uniform_takes_the_models_own_settings() -> None:
    variables = variables_of(network(nn.LeakyReLU(0.2)), SearchSpace("test", ("relu", "leaky_relu")))
    assert variables.uniform("leaky_relu") == variables.original


@pytest.mark.parametrize(
    "other", [Assignment({"a": "elu"}), Assignment({"a": Choice("elu", {"alpha": 0.5})})]
)
def test_keys_tell_models_apart(other: Assignment) -> None:
    assert model_key(Assignment({"a": "relu"}, name="one")) == model_key(
        Assignment({"a": Choice("relu")}, name="two")
    )
    assert model_key(Assignment({"a": "relu"})) != model_key(other)


def test_an_original_that_a_requirement_rules_out_may_not_be_chosen() -> None:
    space = SearchSpace("test", ("tanh", "silu"), require=Requirements(smoothness=2))
    variables = variables_of(network(nn.ReLU(), nn.Tanh()), space)
    assert not variables.allows(variables.original)
    assert variables.allows(variables.uniform("tanh"))
