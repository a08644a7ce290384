import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autoact.conversion import auto_layers, convert, find_layers, recipe
from autoact.errors import ConfigurationError, ConversionError
from autoact.nn import AutoActivation
from autoact.spaces import Choice, LayerRule, Relaxation, Requirements, SearchSpace


def mlp(*acts):
    layers = [part for act in acts for part in (nn.Linear(4, 4), act)]
    return nn.Sequential(*layers, nn.Linear(4, 1))


def batch(*shape):
    return torch.randn(*(shape or (6, 4)), generator=torch.Generator().manual_seed(0))


def prelu():
    act = nn.PReLU(4)
    with torch.no_grad():
        act.weight.copy_(torch.tensor([0.1, -0.2, 0.3, 0.4]))
    return act


@pytest.mark.parametrize(
    ("make", "choice"),
    [
        (nn.ReLU, Choice("relu")),
        (lambda: nn.ReLU(inplace=True), Choice("relu")),
        (lambda: nn.LeakyReLU(0.2), Choice("leaky_relu", {"negative_slope": 0.2})),
        (prelu, Choice("prelu", {"slope": tuple(prelu().weight.double().tolist())})),
        (lambda: nn.Hardtanh(-0.5, 2.0), Choice("hardtanh", {"min_val": -0.5, "max_val": 2.0})),
    ],
)
def test_the_same_start_is_the_model_bit_for_bit(make, choice):
    model = mlp(make(), make())
    before = model(batch())
    assert find_layers(model).layers == {"1": choice, "3": choice}
    convert(model)
    assert torch.equal(model(batch()), before)
    assert list(auto_layers(model)) == ["1", "3"]
    assert all(choice.activation in layer.candidates for layer in auto_layers(model).values())


@pytest.mark.parametrize(
    "act",
    [nn.GELU(), nn.GELU(approximate="tanh"), nn.ELU(0.7), nn.SiLU(), nn.Mish(), nn.Softplus(2.0)],
    ids=str,
)
def test_the_same_start_of_smooth_activations_is_torchs_own_operation(act):
    layer = auto_layers(convert(mlp(act)))["1"]
    for hidden in (batch(), torch.randn(500, 8) * 3):
        assert torch.equal(layer(hidden), act(hidden))


def test_a_uniform_start_weighs_all_alike():
    layers = auto_layers(convert(mlp(nn.ReLU()), ["relu", "tanh"], start="uniform"))
    assert layers["1"].weights().tolist() == [0.5, 0.5]


def test_an_activation_that_the_space_lacks_joins_the_candidates():
    model = convert(mlp(nn.Sigmoid(), nn.Tanh()), ["relu", "tanh"])
    assert auto_layers(model)["1"].candidates == ("relu", "tanh", "sigmoid")
    assert auto_layers(model)["3"].candidates == ("relu", "tanh")


def test_converting_again_changes_nothing():
    model = convert(mlp(nn.ReLU()))
    layer = auto_layers(model)["1"]
    with torch.no_grad():
        layer.logits.add_(1.0)
    plan = find_layers(model)
    assert plan.layers == find_layers(mlp(nn.ReLU())).layers
    assert convert(model) is model
    assert auto_layers(model)["1"] is layer
    with pytest.raises(
        ConversionError, match=r"converted before, with a search space other than 'custom'.*finalize"
    ):
        convert(model, ["relu", "tanh"])


def test_finding_layers_changes_nothing():
    model = mlp(nn.ReLU(), nn.GELU())
    before, state = repr(model), copy.deepcopy(model.state_dict())
    find_layers(model)
    assert repr(model) == before
    assert model.state_dict().keys() == state.keys()
    assert not hasattr(model, "_autoact_recipe")


def test_rules_keep_choose_and_group():
    space = SearchSpace(
        "rules",
        ("relu", "tanh"),
        layers=(
            LayerRule(match="5", keep=True),
            LayerRule(match="3", candidates=("sin",)),
            LayerRule(match="*", share="group"),
        ),
    )
    model = mlp(*(nn.ReLU() for _ in range(5)))
    plan = find_layers(model, space)
    assert plan.groups == (("1", "7", "9"), ("3",))
    assert plan.candidates["3"] == ("sin", "relu")
    assert plan.left_alone == {"5": "kept by the rule match: '5'"}
    convert(model, space)
    assert isinstance(model[5], nn.ReLU)
    assert model[1] is model[7] is model[9]
    assert list(auto_layers(model)) == ["1", "3"]
    assert find_layers(model, space).layers == plan.layers
    assert find_layers(model, space).groups == plan.groups


def test_a_group_starts_as_one_activation():
    space = SearchSpace("group", ("relu", "tanh"), layers=(LayerRule(match="*", share="group"),))
    with pytest.raises(
        ConversionError, match=r"Layers 1, 3 share one choice but now are elu, relu.*start='uniform'"
    ):
        convert(mlp(nn.ReLU(), nn.ELU()), space)
    convert(mlp(nn.ReLU(), nn.ELU()), space, start="uniform")
    with pytest.raises(ConversionError, match="share one choice, but their elu differ"):
        convert(mlp(nn.ELU(0.5), nn.ELU(0.7)), space)


def test_a_rule_that_matches_nothing_is_an_error_with_the_paths(tmp_path):
    (tmp_path / "mine.yaml").write_text("candidates: [relu]\nlayers: [{match: 'net.*'}]\n")
    with pytest.raises(
        ConfigurationError,
        match=r"mine.yaml, line 2, layers\[0\]: The rule match: 'net.\*' matches no.*there are: 1, 3",
    ):
        find_layers(mlp(nn.ReLU(), nn.ReLU()), tmp_path / "mine.yaml")


def test_nothing_to_convert_lists_the_module_types():
    with pytest.raises(
        ConversionError,
        match=r"Nothing to convert in Sequential: its modules \(Linear x2, Softmax x1\).* 1: nn.Softmax is",
    ):
        convert(mlp(nn.Softmax(-1)))


def test_a_model_whose_every_activation_is_kept_has_nothing_to_convert():
    space = SearchSpace("kept", ("relu",), layers=(LayerRule(match="*", keep=True),))
    with pytest.raises(ConversionError, match=r"1: kept by the rule match: '\*'"):
        convert(mlp(nn.ReLU()), space)


def test_a_requirement_rules_the_present_activation_out():
    space = SearchSpace("smooth", ("tanh", "silu"), require=Requirements(smoothness=2))
    assert find_layers(mlp(nn.ReLU()), space).candidates == {"1": ("tanh", "silu")}
    with pytest.raises(
        ConversionError, match=r"1 now is relu, which space 'smooth' rules out: relu has 0.*uniform"
    ):
        convert(mlp(nn.ReLU()), space)
    assert auto_layers(convert(mlp(nn.ReLU()), space, start="uniform"))["1"].candidates == ("tanh", "silu")


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.act = nn.Linear(4, 4), nn.Linear(4, 4), nn.ReLU()

    def forward(self, x):
        return self.act(self.two(self.act(self.one(x))))


def test_an_instance_at_several_paths_becomes_a_layer_at_each():
    act = nn.ReLU()
    model = mlp(act, act)
    before = model(batch())
    with pytest.warns(UserWarning, match=r"One module instance was used in several places: 1, 3\."):
        convert(model)
    assert list(auto_layers(model)) == ["1", "3"]
    assert torch.equal(model(batch()), before)


def test_an_instance_whose_places_choose_together_needs_no_warning():
    act = nn.ReLU()
    space = SearchSpace("group", ("relu", "tanh"), layers=(LayerRule(match="*", share="group"),))
    assert list(auto_layers(convert(mlp(act, act), space))) == ["1"]


def test_a_block_used_twice_stays_one_block():
    block = mlp(nn.ReLU())
    model: Any = nn.Sequential(block, nn.Linear(1, 4), block)
    assert find_layers(model).shared == {"0.1": ("0.1", "2.1")}
    with pytest.warns(UserWarning, match=r"'0.1' is one instance used in several places: 0.1, 2.1\."):
        convert(model)
    assert model[0][1] is model[2][1]
    convert(model)  # warns no more


class Once(Twice):
    def forward(this, x):
        return this.two(this.act(this.one(x)))


class Child(Once):
    pass


@pytest.mark.parametrize("kind", [Once, Child])
def test_methods_that_a_subclass_overrides_do_not_count(kind):
    assert find_layers(kind()).calls == {}


def test_a_compiled_model_is_converted_inside_its_wrapper():
    model: Any = torch.compile(mlp(nn.ReLU()), backend="eager")
    convert(model)
    assert list(auto_layers(model)) == ["_orig_mod.1"]
    assert list((recipe(model) or {})["layers"]) == ["_orig_mod.1"]
    model(batch()).sum().backward()


class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.held = F.relu
        self.nested = nn.ModuleDict({"a": nn.ModuleList([nn.ELU(-0.5), nn.Softmax(-1), nn.ReLU()])})
        self.lstm = nn.LSTM(2, 2)
        self.own = type("MyReLU", (nn.ReLU,), {})()
        self.skip = nn.Identity()

    def forward(self, x):
        return self.held(x)


def test_functions_held_as_attributes_are_converted_and_the_rest_is_explained():
    model = Odd()
    plan = find_layers(model)
    assert set(plan.layers) == {"held", "nested.a.2"}
    assert "nn.Softmax is not a registered" in plan.left_alone["nested.a.1"]
    assert "outside" in plan.left_alone["nested.a.0"]
    assert "kernel" in plan.left_alone["lstm"]
    assert "subclass of ReLU" in plan.left_alone["own"]
    assert "skip" not in plan.left_alone
    convert(model)
    assert isinstance(model.held, AutoActivation)
    assert torch.equal(model(batch()), F.relu(batch()))


def test_a_bare_activation_cannot_be_replaced_in_place():
    with pytest.raises(ConversionError, match=r"in ReLU: the model is a bare activation; put it into nn.Seq"):
        convert(nn.ReLU())


def test_a_model_that_is_one_kernel_is_told_so():
    with pytest.raises(ConversionError, match=r"in GRU: the activations inside nn.GRU are .*own kernel\.$"):
        convert(nn.GRU(2, 2))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_precision_and_mode_follow_the_model(dtype):
    model = mlp(nn.LeakyReLU(0.2)).to(dtype).eval()
    before = model(batch().to(dtype))
    convert(model)
    assert torch.equal(model(batch().to(dtype)), before)
    assert not auto_layers(model)["1"].training
    assert auto_layers(model)["1"].logits.dtype == (
        torch.float64 if dtype == torch.float64 else torch.float32
    )


def test_settings_of_the_space_reach_the_layers():
    relaxation = Relaxation(kind="affine", temperature=0.5, standardize=True, learn_parameters=False)
    layer = auto_layers(convert(mlp(nn.ReLU()), SearchSpace("x", ("relu", "elu"), relaxation=relaxation)))[
        "1"
    ]
    assert layer.relaxation == relaxation


class Convolutional(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.act = nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU()
        self.token, self.mix = nn.Linear(9, 7), nn.GELU()
        self.encoder = nn.TransformerEncoderLayer(7, 1, 6, batch_first=True)

    def forward(self, x):
        return self.encoder(self.mix(self.token(self.act(self.norm(self.conv(x))).flatten(2))))


CHANNELS = SearchSpace("channels", ("relu", "tanh"), relaxation=Relaxation(granularity="channel"))


@pytest.mark.parametrize("give", [lambda x: x, lambda x: (x,), lambda x: {"x": x}])
def test_channels_are_counted_on_an_example(give):
    model, x = Convolutional(), batch(2, 3, 5, 5)
    model.norm.momentum = 0.5
    state, mode = copy.deepcopy(model.state_dict()), model.training
    rng = torch.get_rng_state()
    convert(model, CHANNELS, example_input=give(x))
    assert torch.equal(torch.get_rng_state(), rng)
    layers = auto_layers(model)
    assert {path: (layer.channels, layer.channel_dim) for path, layer in layers.items()} == {
        "act": (5, 1),
        "mix": (7, -1),
        "encoder.activation": (6, -1),
    }
    assert all(torch.equal(model.state_dict()[key], value) for key, value in state.items())
    assert model.training == mode
    assert torch.backends.mha.get_fastpath_enabled()
    model(x).sum().backward()


class OnlyInEvaluation(nn.Module):
    """Trains with a target only, so that an example input does not run there."""

    def __init__(self):
        super().__init__()
        self.act, self.later = nn.ReLU(), nn.ReLU()

    def forward(self, x, target=None):
        return self.act(x) if not self.training else self.later(x - target)


def test_channels_need_an_example():
    with pytest.raises(ConversionError, match="example_input"):
        convert(mlp(nn.ReLU()), CHANNELS)
    model = Odd()
    assert list(find_layers(model, CHANNELS, example_input=batch()).layers) == ["held"]
    assert model.held is F.relu
    only_in_eval = OnlyInEvaluation()
    with pytest.raises(ConversionError, match=r"does not reach 'later'"):
        convert(only_in_eval, CHANNELS, example_input=batch())
    assert type(only_in_eval.later) is nn.ReLU
    with pytest.raises(RuntimeError):
        convert(mlp(nn.ReLU()), CHANNELS, example_input=batch(2, 3))


def test_a_wrong_start():
    with pytest.raises(ConfigurationError, match=r"start is one of same, uniform; got 'sme'.*'same'"):
        convert(mlp(nn.ReLU()), start="sme")
