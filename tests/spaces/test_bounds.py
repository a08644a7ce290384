"""What a space says about parameters holds wherever one of them could move."""

import pickle
from typing import Any

import pytest
import torch
from torch import nn

import autoact
from autoact.analysis import project
from autoact.conversion import find_layers
from autoact.errors import ConfigurationError, ConversionError, UnknownActivationError
from autoact.spaces import Assignment, Bounds, Choice, SearchSpace

HILL: dict[str, dict[str, Any]] = {"hill": {"n": [2, 3]}, "elu": {"alpha": 1}}


def test_plain_data_go_in_and_come_out():
    bounds = Bounds.of(HILL)
    assert bounds.to_dict() == {"hill": {"n": [2.0, 3.0]}, "elu": {"alpha": 1.0}}
    assert Bounds.of(bounds.to_dict()) == bounds == pickle.loads(pickle.dumps(bounds))
    assert Bounds.of(None) == Bounds()


def test_parameters_are_narrowed_to_the_bounds():
    (alpha,) = Bounds.of(HILL).parameters("elu")
    assert (alpha.default, alpha.lower, alpha.upper, alpha.learnable, alpha.search) == (1, 1, 1, False, None)
    capacity, steepness = Bounds.of({"hill": {"n": [3, 4]}}).parameters("hill")
    assert capacity == autoact.get("hill").parameters[0]
    assert (steepness.lower, steepness.upper, steepness.search) == (3, 4, (3, 4))
    assert steepness.default == pytest.approx(3.1)  # the registry's 2 is outside
    (slope,) = Bounds.of({"leaky_relu": {"negative_slope": [0.01, 0.3]}}).parameters("leaky_relu")
    assert (slope.learnable, slope.search) == (False, (0.01, 0.3))  # searched, though never learned


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"elu": {"alfa": 1}}, "elu has no parameter 'alfa'; it has: alpha. Did you mean 'alpha'"),
        ({"elu": {"alpha": -1}}, r"elu.alpha lies in \[0, inf\]; got -1"),
        ({"elu": {"alpha": [2, 1]}}, r"\[2, 1\] is empty; write the smaller number first"),
        ({"elu": {"alpha": "one"}}, r"a number or by \[low, high\]; got 'one'"),
        ({"elu": {"alpha": [1, 2, 3]}}, r"got \[1, 2, 3\]"),
        ({"elu": {"alpha": True}}, "got True"),
        ({"elu": {"alpha": float("nan")}}, "got nan"),
        ({"elu": 1}, "bounds of elu are like {alpha: "),
        ([1], "bounds are like"),
    ],
)
def test_wrong_bounds_are_named(given, message):
    with pytest.raises(ConfigurationError, match=message):
        Bounds.of(given)


def test_an_unknown_activation_gets_a_suggestion():
    with pytest.raises(UnknownActivationError, match=r"'hil'.*'hill'"):
        Bounds.of({"hil": {"n": 2}})


def test_a_layer_cannot_learn_its_way_out():
    for up in (True, False):
        layer = autoact.AutoActivation(["elu", "hill", "prelu"], bounds=HILL)
        optimizer = torch.optim.SGD([layer.raw], lr=1e3, maximize=up)
        for _ in range(5):
            optimizer.zero_grad()
            torch.stack(list(layer.values().values())).sum().backward()
            optimizer.step()
        values = layer.values()
        assert values["elu.alpha"] == 1.0
        assert 2.0 <= values["hill.n"] <= 3.0
        assert (values["hill.n"] > 2.9) if up else (values["hill.n"] < 2.1)  # it did move
        assert values["prelu.slope"].abs() > 100  # and what is not bounded is free


def test_a_projection_stays_within_the_bounds():
    target = {"elu": 0.3, "relu": 0.7}  # elu with alpha 0.3
    assert project(target, ["elu"]).parameters["alpha"] == pytest.approx(0.3, abs=1e-4)
    for low, high in ((1.0, 1.0), (0.5, 2.0)):
        found = project(target, ["elu"], bounds={"elu": {"alpha": (low, high)}})
        assert found.parameters["alpha"] == pytest.approx(low, abs=1e-4)
    layer = autoact.AutoActivation(["elu", "relu"], bounds={"elu": {"alpha": [0.5, 2]}})
    with torch.no_grad():
        layer.logits.copy_(torch.tensor([-1.0, 1.0]))
    choice = layer.choice()
    assert not layer.bounds.violation(choice)


def test_a_checkpoint_remembers_them():
    layer = autoact.AutoActivation(["elu", "tanh"], bounds=HILL)
    again = autoact.AutoActivation(**layer.configuration())
    assert again.bounds == layer.bounds
    assert "bounds={" in repr(layer)
    assert "bounds" not in repr(autoact.AutoActivation(["elu", "tanh"]))


def test_a_converted_model_and_its_assignment_keep_them():
    space = SearchSpace("mine", ("elu", "tanh"), bounds=Bounds.of({"elu": {"alpha": [0.8, 1.2]}}))
    model = autoact.convert(nn.Sequential(nn.Linear(2, 4), nn.ELU(), nn.Linear(4, 1)), space)
    assert list(autoact.auto_layers(model)["1"].bounds.ranges) == [("elu", "alpha", 0.8, 1.2)]
    with torch.no_grad():
        autoact.auto_layers(model)["1"].raw.fill_(50.0)
    assert autoact.auto_layers(model)["1"].values()["elu.alpha"] <= 1.2
    assert space.bounds.violation(autoact.derive(model)["1"]) is None


def test_a_model_outside_of_them_cannot_start_as_it_is():
    space = SearchSpace("mine", ("elu", "tanh"), bounds=Bounds.of({"elu": {"alpha": 1}}))
    model = nn.Sequential(nn.Linear(2, 4), nn.ELU(0.5), nn.Linear(4, 1))
    with pytest.raises(
        ConversionError, match=r"elu\(alpha=0.5\).*elu.alpha = 0.5 is outside its bounds \[1, 1\]"
    ):
        autoact.convert(model, space)
    layer = autoact.auto_layers(autoact.convert(model, space, start="uniform"))["1"]
    assert layer.values()["elu.alpha"] == 1.0


def test_a_study_asks_within_them():
    from autoact.search.setup import Variables

    model = nn.Sequential(nn.Linear(2, 4), nn.ELU(), nn.Linear(4, 1))
    space = SearchSpace("mine", ("elu",), bounds=Bounds.of({"elu": {"alpha": [0.5, 2]}}))
    variables = Variables.of(find_layers(model, space))
    asked = {name: each._asdict() for name, each in variables.distributions().items() if name != "1"}
    assert asked == {"1.elu.alpha": {"step": None, "low": 0.5, "high": 2.0, "log": True}}
    assert variables.assignment({"1": "elu", "1.elu.alpha": 2.0})["1"] == Choice("elu", alpha=2.0)


def test_what_a_search_assigns_keeps_to_them():
    from autoact.search.setup import Variables

    model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
    space = SearchSpace("mine", ("hill", "relu", "elu"), bounds=Bounds.of({"hill": {"n": [3, 4], "K": 2}}))
    variables = Variables.of(find_layers(model, space))
    assert variables.assignment({"1": "hill"})["1"] == Choice("hill", K=2.0, n=3.1)
    assert variables.uniform("hill")["1"] == Choice("hill", K=2.0, n=3.1)
    assert not variables.allows(Assignment({"1": "hill"}))


def test_a_space_in_a_file(tmp_path):
    (tmp_path / "mine.yaml").write_text("candidates: [hill]\nbounds:\n  hill:\n    n: [2, 6]\n    K: 0\n")
    with pytest.raises(
        ConfigurationError, match=r"mine.yaml, line 5, bounds.hill.K: .*\[0.001, inf\]; got 0"
    ):
        SearchSpace.load(tmp_path / "mine.yaml")
    (tmp_path / "mine.yaml").write_text("candidates: [hill]\nbounds: {hill: {n: [2, 6]}}\n")
    space = SearchSpace.load(tmp_path / "mine.yaml")
    assert SearchSpace.from_dict(space.to_dict()) == space
    assert space.fingerprint() != SearchSpace("mine", ("hill",)).fingerprint()
    assert hash(space) == hash(pickle.loads(pickle.dumps(space)))
