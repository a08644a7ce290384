import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autoact.conversion import (
    apply,
    auto_layers,
    convert,
    derive,
    finalize,
    find_layers,
    occupy,
    original_assignment,
)
from autoact.errors import ConversionError
from autoact.nn import AutoActivation, FixedActivation
from autoact.spaces import Assignment, Choice, LayerRule, SearchSpace

X = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
GROUP = SearchSpace("group", ("relu", "tanh"), layers=(LayerRule(match="*", share="group"),))


def mlp(*acts):
    layers = [part for act in acts for part in (nn.Linear(4, 4), act)]
    return nn.Sequential(*layers, nn.Linear(4, 1))


def test_derive_of_an_untrained_model_is_the_original():
    acts = (nn.LeakyReLU(0.2), nn.PReLU(4), nn.GELU(approximate="tanh"), nn.ELU(0.7))
    model = mlp(*acts)
    original = original_assignment(model)
    derived = derive(convert(model))
    assert list(derived) == list(original)
    for path, choice in original.items():
        assert derived[path].activation == choice.activation
        for key, value in choice.parameters.items():
            assert derived[path].parameters[key] == pytest.approx(value, abs=1e-4)


def test_derive_projects_where_the_largest_weight_would_be_wrong():
    # 0.8 relu + 0.2 elu(1.5) is elu(0.3) exactly
    model = convert(mlp(nn.ReLU()), ["relu", "elu"], start="uniform")
    layer = auto_layers(model)["1"]
    with torch.no_grad():
        layer.logits.copy_(torch.tensor([0.8, 0.2]).log())
        layer.raw.copy_(torch.log2(2 ** torch.tensor([1.5]) - 1))
    assert layer.values()["elu.alpha"].item() == pytest.approx(1.5)
    assert layer.weights().argmax() == 0
    assert derive(model)["1"].activation == "elu"
    assert derive(model)["1"].parameters["alpha"] == pytest.approx(0.3, abs=1e-3)
    before = model(X)
    finalize(model)
    assert isinstance(model[1], nn.ELU)
    assert torch.allclose(model(X), before, atol=1e-3)


def test_learned_derived_saved_loaded_applied(tmp_path):
    torch.manual_seed(0)
    model = convert(mlp(nn.ReLU(), nn.ReLU()), ["relu", "tanh", "elu"])
    fresh = mlp(nn.ReLU(), nn.ReLU())
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    for step in range(60):
        for layer in auto_layers(model).values():
            layer.release.fill_(min(1.0, step / 30))
        optimizer.zero_grad()
        F.mse_loss(model(X), torch.tanh(2 * X[:, :1])).backward()
        optimizer.step()
    assignment = derive(model)
    assignment.save(tmp_path / "assignment.yaml")
    apply(fresh, Assignment.load(tmp_path / "assignment.yaml"))
    finalize(model)
    assert [type(m) for m in fresh] == [type(m) for m in model]
    assert not auto_layers(model)
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(fresh(X), model(X))


def test_finalize_gives_plain_torch_modules():
    model = convert(mlp(nn.ReLU(), nn.Tanh(), nn.PReLU(4), nn.Softplus(2.0)))
    finalize(model)
    assert [type(model[i]) for i in (1, 3, 5, 7)] == [nn.ReLU, nn.Tanh, nn.PReLU, nn.Softplus]
    assert finalize(model) is model
    assert torch.export.export(model, (X,)).module()(X).shape == (64, 1)
    swish = finalize(convert(mlp(nn.ReLU()), ["swish"], start="uniform"))
    assert not isinstance(swish[1], AutoActivation)


def test_partial_assignments_leave_the_rest():
    model = mlp(nn.ReLU(), nn.ReLU())
    kept = model[3]
    apply(model, Assignment({"1": Choice("swish", {"beta": 2.0})}))
    assert isinstance(model[1], FixedActivation)
    assert model[3] is kept


def test_a_layer_that_is_right_already_is_not_touched():
    model = mlp(nn.ReLU(inplace=True), nn.ELU(0.5))
    before = list(model)
    apply(model, Assignment({"1": "relu", "3": Choice("elu", {"alpha": 0.5})}))
    assert all(a is b for a, b in zip(model, before, strict=True))


def test_apply_on_a_converted_model_and_again():
    model = convert(mlp(nn.ReLU(), nn.ReLU()))
    apply(model, Assignment({"1": "tanh"}))
    assert isinstance(model[1], nn.Tanh)
    assert isinstance(model[3], AutoActivation)
    apply(model, Assignment({"1": "silu", "3": "gelu"}))
    assert isinstance(model[1], nn.SiLU)
    assert isinstance(model[3], nn.GELU)


class Late(nn.Module):
    def setup(self, stage):
        self.net = mlp(nn.ReLU())


def test_layers_that_setup_makes_are_told_where_to_be_given_theirs():
    with pytest.raises(
        ConversionError, match=r"If setup makes it, call autoact.apply\(self, ...\) at the end of setup"
    ):
        apply(Late(), Assignment({"net.1": "tanh"}))


def test_wrong_paths_list_those_there_are():
    with pytest.raises(ConversionError, match=r"no activation at 'net.1'; there are: 1, 3"):
        apply(mlp(nn.ReLU(), nn.ReLU()), Assignment({"net.1": "tanh"}))
    model = mlp(nn.ReLU(), nn.ReLU())
    with pytest.raises(ConversionError, match="no activation at '2'"):
        apply(model, Assignment({"1": "tanh", "2": "tanh"}))
    assert isinstance(model[1], nn.ReLU)


def test_derive_needs_a_converted_model():
    with pytest.raises(ConversionError, match=r"Sequential has no AutoActivation; call convert"):
        derive(mlp(nn.ReLU()))


def test_layers_of_a_group_are_all_named_and_can_part():
    model = convert(mlp(nn.ReLU(), nn.ReLU(), nn.ReLU()), GROUP)
    assert dict(derive(model)) == {path: Choice("relu") for path in ("1", "3", "5")}
    apply(model, Assignment({"1": "tanh"}))
    assert isinstance(model[1], nn.Tanh)
    assert model[3] is model[5]
    assert dict(derive(model)) == {path: Choice("relu") for path in ("3", "5")}
    assert list(find_layers(model, GROUP).layers) == ["1", "3", "5"]


def test_a_shared_instance_is_replaced_place_by_place():
    act = nn.ReLU()
    model = apply(mlp(act, act), Assignment({"3": "tanh"}))
    assert model[1] is act
    assert isinstance(model[3], nn.Tanh)


def test_the_original_assignment():
    model = mlp(nn.LeakyReLU(0.2), nn.ReLU())
    original = original_assignment(model, ["tanh"])
    assert original.name == "original"
    before = copy.deepcopy(model)(X)
    assert torch.equal(apply(model, original)(X), before)


def test_layers_placed_by_hand_are_derived_and_finalized_too():
    model = mlp(AutoActivation(["relu", "tanh"], start="tanh"), nn.ReLU())
    assert dict(derive(model)) == {"1": Choice("tanh")}
    convert(model)
    assert list(derive(model)) == ["1", "3"]
    assert isinstance(finalize(model)[1], nn.Tanh)


class Calls(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.act = nn.Linear(4, 4), nn.ReLU(inplace=True)

    def forward(self, x):
        return F.elu(self.act(self.up(x)), 0.5)


def test_any_module_may_occupy_modules_and_calls():
    seen = {}

    class Twice(nn.Module):
        def forward(self, x):
            return 2 * x

    def make(path, choice, channel_dim, in_place):
        seen[path] = str(choice), channel_dim, in_place
        return Twice()

    model = Calls()
    names = list(model.state_dict())
    plain = model.up(X)
    occupy(model, ["act", "elu_1"], make)
    assert torch.equal(model(X), 4 * plain)
    assert seen == {"act": ("relu", 1, None), "elu_1": ("elu(alpha=0.5)", 1, None)}
    assert list(model.state_dict()) == names


def test_nothing_is_occupied_where_one_path_is_wrong():
    model = Calls()
    with pytest.raises(ConversionError, match="no activation at 'acts'"):
        occupy(model, ["act", "acts"], lambda *there: nn.Identity())
    assert isinstance(model.act, nn.ReLU)
    converted = convert(mlp(nn.ReLU()))
    with pytest.raises(ConversionError, match="'1' is not one of its own"):
        occupy(converted, ["1"], lambda *there: nn.Identity())
