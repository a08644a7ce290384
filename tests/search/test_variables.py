"""Assignments and the parameters of trials say the same thing, in both directions."""

import optuna
import pytest

from autoact.search.variables import Variables, key_of
from autoact.spaces import Assignment, Choice, LayerRule, SearchSpace

SPACE = SearchSpace("test", ("relu", "elu", "tanh"))
LAYERS = {
    "net.1": Choice("relu"),
    "net.3": Choice("gelu"),
    "head.1": Choice("leaky_relu", {"negative_slope": 0.2}),
}


def asked(variables: Variables, assignment: Assignment) -> tuple[Assignment, dict]:
    study = optuna.create_study()
    study.enqueue_trial(variables.encode(assignment))
    trial = study.ask()
    return variables.suggest(trial), trial.params


def test_the_present_activation_is_a_candidate_with_its_own_settings() -> None:
    variables = Variables.of(LAYERS, SPACE)
    assert [v.candidates[3:] for v in variables] == [(), ("gelu",), ("leaky_relu",)]
    original, _ = asked(variables, variables.original)
    assert original == Assignment(LAYERS)


def test_an_enqueued_assignment_comes_back() -> None:
    variables = Variables.of(LAYERS, SPACE)
    wanted = Assignment({"net.1": Choice("elu", {"alpha": 0.7}), "net.3": "tanh", "head.1": "relu"})
    came, parameters = asked(variables, wanted)
    assert came == wanted
    assert parameters == {"net.1": "elu", "net.1.elu.alpha": 0.7, "net.3": "tanh", "head.1": "relu"}


def test_a_value_outside_the_searched_range_is_clipped() -> None:
    variables = Variables.of({"a": Choice("relu")}, SPACE)
    came, _ = asked(variables, Assignment({"a": Choice("elu", {"alpha": 1e6})}))
    (_, parameter) = next(iter(variables.variables[0].searched("elu")))
    assert parameter.search is not None
    assert came["a"].parameters["alpha"] == parameter.search[1]


def test_values_per_channel_stay_the_models_own() -> None:
    slopes = (0.1, 0.2, 0.3)
    variables = Variables.of(
        {"a": Choice("prelu", {"slope": slopes})}, SearchSpace("test", ("relu", "prelu"))
    )
    came, parameters = asked(variables, variables.original)
    assert came["a"].parameters["slope"] == slopes
    assert parameters == {"a": "prelu"}


def test_a_group_makes_one_choice() -> None:
    space = SearchSpace("test", ("relu", "elu"), layers=[LayerRule(match="net.*", share="group")])
    layers = {"net.1": Choice("relu"), "head": Choice("relu"), "net.3": Choice("relu")}
    variables = Variables.of(layers, space)
    assert [v.name for v in variables] == ["group net.*", "head"]
    mixed = Assignment({"net.1": Choice("elu", {"alpha": 0.5}), "net.3": "relu", "head": "relu"})
    came, parameters = asked(variables, mixed)
    assert came["net.1"] == came["net.3"] == Choice("elu", {"alpha": 0.5})
    assert set(parameters) == {"group net.*", "group net.*.elu.alpha", "head"}


def test_uniform_keeps_layers_where_the_activation_may_not_compete() -> None:
    space = SearchSpace(
        "test", ("relu", "tanh"), layers=[LayerRule(match="head.*", candidates=("softplus",))]
    )
    variables = Variables.of(LAYERS, space)
    assert variables.names == ("relu", "tanh", "softplus")
    assert {path: choice.activation for path, choice in variables.uniform("tanh").items()} == {
        "net.1": "tanh",
        "net.3": "tanh",
        "head.1": "leaky_relu",
    }
    assert variables.uniform("softplus")["head.1"] == Choice("softplus")


def test_uniform_takes_the_models_own_settings() -> None:
    own = Choice("leaky_relu", {"negative_slope": 0.2})
    variables = Variables.of({"a": own}, SearchSpace("test", ("relu", "leaky_relu")))
    assert variables.uniform("leaky_relu") == variables.original


@pytest.mark.parametrize(
    "other", [Assignment({"a": "elu"}), Assignment({"a": Choice("elu", {"alpha": 0.5})})]
)
def test_keys_tell_models_apart(other: Assignment) -> None:
    assert key_of(Assignment({"a": "relu"}, name="one")) == key_of(
        Assignment({"a": Choice("relu")}, name="two")
    )
    assert key_of(Assignment({"a": "relu"})) != key_of(other)
