"""Layers that a user placed by hand are layers with candidates of their own, wherever they stand."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import autoact
from autoact import AutoActivation
from autoact.conversion import apply, auto_layers, convert, derive, finalize, find_layers
from autoact.errors import ConfigurationError, ConversionError, UnknownActivationError
from autoact.search.setup import Variables
from autoact.spaces import Choice, LayerRule, Requirements, SearchSpace

CANDIDATES = ("relu", "gelu", "tanh")


class Block(nn.Module):
    """A layer of its own in a module of the user's, called in forward."""

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self.linear, self.act = nn.Linear(4, 4), AutoActivation(CANDIDATES, **settings)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.linear(x))


class Everywhere(nn.Module):
    """Layers of its own in every container, one of them twice, one that never runs, and a ReLU."""

    def __init__(self) -> None:
        super().__init__()
        shared = AutoActivation(["silu", "mish"])
        self.listed = nn.ModuleList([Block(), Block(start="relu")])
        self.named = nn.ModuleDict({"a": AutoActivation(["elu", "tanh"], learn_parameters=False)})
        self.twice = nn.Sequential(nn.Linear(4, 4), shared, nn.Linear(4, 4), shared)
        self.beside = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
        self.idle = AutoActivation()

    def forward(self, x: Tensor) -> Tensor:
        for block in self.listed:
            x = block(x)
        return self.beside(self.twice(self.named["a"](x)))


PATHS = ["listed.0.act", "listed.1.act", "named.a", "twice.1", "beside.1", "idle"]


def test_each_is_a_layer_with_its_own_candidates() -> None:
    plan = find_layers(Everywhere(), ["relu", "hardswish"])
    assert list(plan.paths) == list(plan.candidates) == PATHS
    assert list(plan.layers) == ["beside.1"]
    assert list(plan.placed) == [path for path in PATHS if path != "beside.1"]
    assert plan.candidates["listed.0.act"] == CANDIDATES
    assert plan.candidates["named.a"] == ("elu", "tanh")
    assert plan.candidates["beside.1"] == ("relu", "hardswish")
    assert plan.shared == {"twice.1": ("twice.1", "twice.3")}
    assert plan.groups == tuple((path,) for path in PATHS)
    assert not plan.left_alone


def test_one_that_never_runs_is_left_alone() -> None:
    plan = find_layers(Everywhere(), example_input=torch.ones(2, 4))
    assert list(plan.paths) == PATHS[:-1]
    assert plan.left_alone == {"idle": "never called with the example input"}


def test_a_model_of_nothing_else_that_never_runs_them_is_refused() -> None:
    class Skipping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.act = nn.Linear(4, 4), AutoActivation(CANDIDATES)

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(x)

    with pytest.raises(ConversionError, match="none is called with the example input"):
        find_layers(Skipping(), example_input=torch.ones(2, 4))


def test_an_assignment_takes_their_place_and_leaves_those_that_it_does_not_name() -> None:
    model = Everywhere()
    apply(model, {"listed.0.act": "gelu", "twice.3": "silu", "named.a": Choice("elu", alpha=0.5)})
    assert isinstance(model.listed[0].act, nn.GELU)
    assert isinstance(model.twice[1], nn.SiLU)
    assert model.twice[1] is model.twice[3]
    assert model.named["a"].alpha == 0.5
    assert list(auto_layers(model)) == ["listed.1.act", "idle"]


def test_an_assignment_that_is_wrong_changes_nothing() -> None:
    model = Everywhere()
    before = repr(model)
    with pytest.raises(UnknownActivationError, match="geluu"):
        apply(model, {"listed.0.act": "gelu", "listed.1.act": "geluu"})
    assert repr(model) == before


def test_convert_leaves_them_as_they_are() -> None:
    model = Everywhere()
    own = auto_layers(model)
    convert(model, ["relu", "hardswish"], start="uniform")
    converted = auto_layers(model)
    assert list(converted) == PATHS
    assert {path: converted[path] for path in own} == own
    assert list(find_layers(model, ["relu", "hardswish"]).placed) == list(own)
    only = nn.Sequential(nn.Linear(4, 4), AutoActivation(CANDIDATES))
    assert convert(only)[1].candidates == CANDIDATES


def test_what_is_derived_and_finalized_names_the_same_layers() -> None:
    model = Everywhere()
    assert list(derive(convert(model, ["relu", "tanh"]))) == PATHS
    assert not auto_layers(finalize(model))
    assert list(find_layers(model, ["relu", "tanh"]).layers) == [*PATHS[:3], "twice.1", "twice.3", *PATHS[4:]]


def test_their_settings_and_bounds_are_their_own() -> None:
    layer = AutoActivation(
        ["elu", "leaky_relu", "tanh"],
        settings={"leaky_relu": {"negative_slope": 0.2}},
        bounds={"elu": {"alpha": [0.1, 0.5]}},
    )
    plan = find_layers(
        nn.Sequential(nn.Linear(2, 2), layer), SearchSpace(["elu"], bounds={"elu": {"alpha": 1}})
    )
    assert plan.placed["1"] == layer.bounds
    assert plan.settings["1"]["leaky_relu"] == {"negative_slope": 0.2}
    assert 0.1 <= plan.settings["1"]["elu"]["alpha"] <= 0.5


def test_values_per_channel_are_kept() -> None:
    layer = AutoActivation(["prelu", "tanh"], channels=3, settings={"prelu": {"slope": (0.1, 0.2, 0.3)}})
    model = nn.Sequential(nn.Linear(2, 3), layer)
    x = torch.randn(5, 3)
    apply(model, Variables.of(find_layers(model)).uniform("prelu"))
    assert torch.equal(model[1](x), nn.functional.prelu(x, torch.tensor([0.1, 0.2, 0.3])))


def test_a_rule_may_keep_one() -> None:
    space = SearchSpace(["relu"], layers=[LayerRule(match="listed.*", keep=True)])
    plan = find_layers(Everywhere(), space)
    assert list(plan.paths) == PATHS[2:]
    assert plan.left_alone["listed.0.act"] == "kept by the rule match: 'listed.*'"


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        (LayerRule(match="listed.*", candidates=("relu", "tanh")), "gives candidates to listed.0.act"),
        (LayerRule(match="listed.*", share="group"), "gives share: group to listed.0.act"),
    ],
)
def test_a_rule_that_speaks_about_its_candidates_is_refused(rule: LayerRule, what: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{what}, an AutoActivation of the model's own.*nn.ReLU"):
        find_layers(Everywhere(), SearchSpace(["relu"], layers=[rule]))


def test_a_requirement_that_rules_out_a_candidate_is_refused() -> None:
    space = SearchSpace("smooth", ["tanh", "gelu"], require=Requirements(smoothness=1))
    model = nn.Sequential(nn.Linear(2, 2), AutoActivation(["tanh", "relu"]))
    with pytest.raises(
        ConfigurationError, match=r"1 is an AutoActivation with relu .* rules out: relu has 0"
    ):
        find_layers(model, space)
    bounded = AutoActivation(["tanh", "elu"], bounds={"elu": {"alpha": 1}})
    assert find_layers(nn.Sequential(nn.Linear(2, 2), bounded), space).candidates["1"] == ("tanh", "elu")


def test_a_bare_one_is_no_model_to_choose_for() -> None:
    with pytest.raises(ConversionError, match="the model is a bare AutoActivation; put it into"):
        find_layers(AutoActivation(CANDIDATES))


def test_a_copy_that_never_trains_follows() -> None:
    net = nn.ModuleDict({"critic": nn.Sequential(nn.Linear(2, 2), AutoActivation(CANDIDATES))})
    net["critic_target"] = copy.deepcopy(net["critic"]).requires_grad_(False)
    plan = find_layers(net)
    assert plan.follows == {"critic_target.1": "critic.1"}
    assert plan.groups == (("critic.1", "critic_target.1"),)
    apply(net, {"critic.1": "tanh"})
    assert isinstance(net.get_submodule("critic_target.1"), nn.Tanh)


def test_the_activation_of_a_transformer_may_be_one() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation=AutoActivation(CANDIDATES))
    assert find_layers(layer).candidates == {"activation": CANDIDATES}
    assert isinstance(apply(layer, {"activation": "gelu"}).activation, nn.GELU)
    assert layer.eval()(torch.randn(2, 3, 8)).shape == (2, 3, 8)


def test_what_is_applied_is_saved_and_loaded() -> None:
    model = apply(Everywhere(), dict.fromkeys(["listed.0.act", "twice.1"], "mish"))
    fresh = Everywhere()
    with pytest.raises(RuntimeError, match="autoact"):
        fresh.load_state_dict(model.state_dict())
    autoact.conversion.restore(fresh, model.state_dict())
    fresh.load_state_dict(model.state_dict())
    x = torch.randn(3, 4)
    assert torch.equal(fresh(x), model(x))
