"""Gated blocks: their forms, as choices at the gate and at what it multiplies."""

import copy
import operator
import pickle
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autoact.conversion import apply, auto_layers, convert, finalize, find_layers, recipe, replay
from autoact.errors import ConfigurationError, ConversionError

X = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))
FACTOR = {"match": "*.up_proj_factor_1", "candidates": ["identity", "clamped_offset"]}
FORMS = {"version": 1, "candidates": ["silu", "sigmoid", "identity", "clamped_swish"], "layers": [FACTOR]}


class Gated(nn.Module):
    """As transformers' LlamaMLP is written."""

    def __init__(self, act=None):
        super().__init__()
        self.gate_proj = nn.Linear(8, 12, bias=False)
        self.up_proj = nn.Linear(8, 12, bias=False)
        self.down_proj = nn.Linear(12, 8, bias=False)
        self.act_fn = act or nn.SiLU()

    def forward(self, x):
        return self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))


class Chunked(nn.Module):
    """One layer for both halves, names between, and a function."""

    def __init__(self):
        super().__init__()
        self.both, self.down = nn.Linear(8, 24), nn.Linear(12, 8)

    def forward(self, x):
        gate, up = self.both(x).chunk(2, dim=-1)
        opened = F.gelu(gate)
        return self.down(up * opened)


class Called(nn.Module):
    """F.glu in two calls, of which one names its dimension."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(8, 16), nn.Conv1d(8, 16, 1)

    def forward(self, x):
        return F.glu(self.two(F.glu(self.one(x)).unsqueeze(-1)), dim=1).flatten(1)


class Unclear(nn.Module):
    """Products of which nobody can say what the factor is: an argument, a name bound twice, a number."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.scale = nn.Linear(8, 8), nn.Linear(8, 8), 0.5

    def forward(self, x):
        up = self.one(x)
        up = up + 1
        return self.two(F.silu(self.one(x)) * x) + F.silu(self.two(x)) * up + F.silu(x) * self.scale


def made(*blocks):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 8), *(block() for block in blocks), nn.Linear(8, 2))


def gpt_oss(gate, up, alpha=1.702, limit=7.0):
    gate, up = gate.clamp(max=limit), up.clamp(-limit, limit)
    return (up + 1) * gate * torch.sigmoid(gate * alpha)


WRITTEN = {
    "GLU": ({"0.act_fn": "sigmoid"}, lambda gate, up: torch.sigmoid(gate) * up),
    "bilinear": ({"0.act_fn": "identity"}, lambda gate, up: gate * up),
    "GeGLU": ({"0.act_fn": "gelu"}, lambda gate, up: F.gelu(gate) * up),
    "clamped": ({"0.act_fn": "clamped_swish", "0.up_proj_factor_1": "clamped_offset"}, gpt_oss),
}


@pytest.mark.parametrize("form", WRITTEN)
def test_an_assignment_gives_a_block_each_form_with_the_parameters_that_it_has(form):
    choices, formula = WRITTEN[form]
    model: Any = nn.Sequential(Gated())
    before, count = copy.deepcopy(model[0]), sum(p.numel() for p in model.parameters())
    finalize(apply(model, choices))
    x = 40 * X  # beyond the limits
    wanted = before.down_proj(formula(before.gate_proj(x), before.up_proj(x)))
    torch.testing.assert_close(model(x), wanted)
    assert sum(p.numel() for p in model.parameters()) == count
    assert model.state_dict().keys() == nn.Sequential(Gated()).state_dict().keys()
    again = pickle.loads(pickle.dumps(model))
    assert torch.equal(again(x), model(x))


@pytest.mark.parametrize("act", [nn.SiLU, nn.GELU, nn.ReLU, nn.Sigmoid])
def test_a_converted_block_starts_as_it_was(act):
    model = nn.Sequential(Gated(act()))
    before = model(X)
    space = {**FORMS, "layers": [FACTOR, {"match": "*.act_fn"}]}
    convert(model, space)
    assert list(auto_layers(model)) == ["0.act_fn", "0.up_proj_factor_1"]
    assert torch.equal(model(X), before)
    fresh = replay(nn.Sequential(Gated(act())), recipe(model))
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(fresh(X), before)
    assert type(finalize(model)[0]) is Gated
    assert torch.equal(model(X), before)
    assert repr(model) == repr(nn.Sequential(Gated(act())))


class Torch(Gated):
    def forward(self, x):
        return self.down_proj(torch.mul(self.up_proj(x), self.act_fn(self.gate_proj(x))))


class Named(Gated):
    def forward(self, x):
        return self.down_proj(torch.multiply(other=self.up_proj(x), input=self.act_fn(self.gate_proj(x))))


class OfOperator(Gated):
    def forward(self, x):
        return self.down_proj(operator.mul(self.up_proj(x), self.act_fn(self.gate_proj(x))))


class OfTensor(Gated):
    def forward(self, x):
        return self.down_proj(self.up_proj(x).mul(self.act_fn(self.gate_proj(x))))


class Unbound(Gated):
    def forward(self, x):
        return self.down_proj(torch.Tensor.multiply(self.act_fn(self.gate_proj(x)), self.up_proj(x)))


class InPlace(Gated):
    def forward(self, x):
        gate = self.act_fn(self.gate_proj(x))
        return self.down_proj(gate.mul_(self.up_proj(x)))


class Statement(Gated):
    def forward(self, x):
        gate = self.act_fn(self.gate_proj(x))
        gate.multiply_(self.up_proj(x))
        return self.down_proj(gate)


class Augmented(Gated):
    def forward(self, x):
        h = self.act_fn(self.gate_proj(x))
        h *= self.up_proj(x)
        return self.down_proj(h)


SPELLINGS = [Torch, Named, OfOperator, OfTensor, Unbound, InPlace, Statement, Augmented]


@pytest.mark.parametrize("kind", SPELLINGS)
def test_a_product_may_be_written_in_any_way(kind):
    torch.manual_seed(0)
    model: Any = nn.Sequential(nn.Linear(8, 8), kind())
    block, inner = copy.deepcopy(model[1]), copy.deepcopy(model[0])
    before = model(X)
    assert find_layers(model).blocks == {"1.act_fn": "SwiGLU"}
    convert(model, FORMS)
    assert list(auto_layers(model)) == ["1.act_fn", "1.up_proj_factor_1"]
    torch.testing.assert_close(model(X), before, rtol=1e-6, atol=1e-7)
    model(X).sum().backward()
    apply(model, {"1.act_fn": "gelu", "1.up_proj_factor_1": "tanh"})
    finalize(model)
    x = inner(X)
    wanted = block.down_proj(torch.tanh(block.up_proj(x)) * F.gelu(block.gate_proj(x)))
    torch.testing.assert_close(model(X), wanted)
    model(X).sum().backward()


@pytest.mark.parametrize("kind", SPELLINGS)
def test_a_block_becomes_plain_however_its_product_is_written(kind):
    model: Any = nn.Sequential(nn.Linear(8, 8), kind())
    before = sum(p.numel() for p in model.parameters())
    finalize(apply(model, {"1.act_fn": "relu", "1.up_proj_factor_1": "plain"}))
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(before, rel=0.05)
    x = model[0](X)
    torch.testing.assert_close(model(X), model[1].down_proj(torch.relu(model[1].gate_proj(x))))


class Overwritten(Gated):
    """What is written into cannot be another function's result: its name would keep what it was."""

    def forward(self, x):
        up = self.up_proj(x)
        up.mul_(self.act_fn(self.gate_proj(x)))
        return self.down_proj(up)


class Scaled(Gated):
    """Products of other things: a number, an argument, a method of the class, three factors."""

    def forward(self, x):
        h = self.mul(self.act_fn(self.gate_proj(x)), self.up_proj(x)).mul(2.0)
        return self.down_proj(torch.mul(h, 0.5, out=None))

    def mul(self, one, other):
        return one + other


@pytest.mark.parametrize("kind", [Overwritten, Scaled])
def test_what_is_no_product_or_written_into_is_no_factor(kind):
    with pytest.raises(ConversionError, match="no activation at"):
        apply(nn.Sequential(nn.Linear(8, 8), kind()), {"1.up_proj_factor_1": "tanh"})


def test_a_rule_that_misses_the_factor_is_told_its_name():
    space = {**FORMS, "layers": [{"match": "*.up_factor_1"}]}
    with pytest.raises(ConfigurationError, match=r"there are: .*0\.act_fn, .*0\.up_proj_factor_1"):
        convert(nn.Sequential(Gated()), space)


def test_the_factor_is_searched_where_a_rule_names_it():
    model = made(Gated, Chunked)
    assert list(find_layers(model).layers) == ["1.act_fn", "2.gelu_1"]
    assert find_layers(model).blocks == {"1.act_fn": "SwiGLU", "2.gelu_1": "GeGLU"}
    rules = [FACTOR, {"match": "*.up_factor_1", "candidates": ["identity", "tanh"]}]
    plan = find_layers(model, {**FORMS, "layers": rules})
    assert list(plan.layers) == ["1.up_proj_factor_1", "1.act_fn", "2.gelu_1", "2.up_factor_1"]
    assert plan.candidates["1.up_proj_factor_1"] == ("identity", "clamped_offset")
    before = model(X)
    assert torch.equal(convert(model, plan.space)(X), before)
    model(X).sum().backward()
    assert all(layer.logits.grad is not None for layer in auto_layers(model).values())
    apply(model, {"2.up_factor_1": "tanh"})
    finalize(model)
    hidden = model[1](model[0](X))
    gate, up = model[2].both(hidden).chunk(2, dim=-1)
    assert torch.equal(model(X), model[3](model[2].down(torch.tanh(up) * F.gelu(gate))))


@pytest.mark.parametrize("name", ["x_factor_1", "up_factor_1", "scale_factor_1", "one_factor_1"])
def test_what_is_no_factor_for_sure_is_none(name):
    model = nn.Sequential(Unclear())
    with pytest.raises(ConversionError, match="no activation at"):
        apply(model, {f"0.{name}": "tanh"})
    with pytest.raises(ConfigurationError, match="matches no activation of this model"):
        find_layers(model, {**FORMS, "layers": [{"match": f"*.{name}"}]})


class Glued(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(8, 16), nn.GLU())


GLUS = [(Glued, ["1.1.glu_1"]), (Called, ["1.glu_1", "1.glu_2"])]


@pytest.mark.parametrize(("block", "paths"), GLUS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_gate_of_a_glu_is_searched_from_where_it_was(block, paths, dtype):
    model = made(block).to(dtype)
    x = X.to(dtype)
    before = model(x)
    plan = find_layers(model, example_input=x)
    assert list(plan.layers) == paths
    assert plan.blocks == dict.fromkeys(paths, "GLU")
    assert not plan.left_alone
    convert(model, ["relu", "silu"])
    assert auto_layers(model)[paths[0]].candidates == ("relu", "silu", "sigmoid")
    assert torch.equal(model(x), before)
    assert repr(finalize(model)) == repr(made(block))
    assert torch.equal(model(x), before)


@pytest.mark.parametrize(("block", "paths"), GLUS)
def test_another_gate_is_what_it_says(block, paths):
    model = finalize(apply(made(block), dict.fromkeys(paths, "silu")))
    again = pickle.loads(pickle.dumps(model))
    assert isinstance(again[1], block)

    def gated(x, dim=-1):
        value, gate = x.chunk(2, dim)
        return value * F.silu(gate)

    hidden = model[0](X)
    if block is Glued:
        wanted = gated(model[1][0](hidden))
    else:
        wanted = gated(model[1].two(gated(model[1].one(hidden)).unsqueeze(-1)), 1).flatten(1)
    assert torch.equal(model(X), model[2](wanted))
    assert torch.equal(again(X), model(X))


def test_a_glu_in_the_middle_of_a_convolution_halves_its_channels():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.GLU(dim=1), nn.Conv2d(4, 2, 1))
    images = torch.randn(2, 3, 9, 9)
    before = model(images)
    assert torch.equal(convert(model)(images), before)
    model = finalize(apply(finalize(model), {"1.glu_1": "relu"}))
    value, gate = model[0](images).chunk(2, 1)
    assert torch.equal(model(images), model[2](value * gate.relu()))


def test_a_glu_that_is_kept_is_said_to_be_once():
    space = {**FORMS, "layers": [{"match": "1.*", "keep": True}]}
    model = nn.Sequential(nn.Linear(8, 16), nn.GLU(), nn.Linear(8, 8), nn.ReLU())
    plan = find_layers(model, space, example_input=X)
    assert plan.left_alone == {"1.glu_1": "kept by the rule match: '1.*'"}


def test_what_cannot_be_halved_is_refused_as_torch_does():
    model = convert(nn.Sequential(nn.Linear(8, 5), nn.GLU()))
    with pytest.raises(RuntimeError, match="must be even"):
        model(X)


def test_a_choice_per_channel_counts_the_channels_of_the_gate():
    model = nn.Sequential(nn.Linear(8, 16), nn.GLU(), nn.Linear(8, 2))
    space = {"version": 1, "candidates": ["relu", "sigmoid"], "relaxation": {"granularity": "channel"}}
    before = model(X)
    convert(model, space, example_input=X)
    assert auto_layers(model)["1.glu_1"].channels == 8
    assert torch.equal(model(X), before)


@pytest.mark.parametrize("form", WRITTEN)
def test_the_block_of_a_library_takes_each_form(form):
    transformers = pytest.importorskip("transformers")
    from transformers.models.llama.modeling_llama import LlamaMLP

    torch.manual_seed(0)
    model: Any = nn.Sequential(
        LlamaMLP(transformers.LlamaConfig(hidden_size=8, intermediate_size=12, num_attention_heads=2))
    )
    block, count = copy.deepcopy(model[0]), sum(p.numel() for p in model.parameters())
    choices, formula = WRITTEN[form]
    finalize(apply(model, choices))
    wanted = block.down_proj(formula(block.gate_proj(40 * X), block.up_proj(40 * X)))
    torch.testing.assert_close(model(40 * X), wanted)
    plain: Any = apply(nn.Sequential(block), {"0.up_proj_factor_1": "plain"})
    assert sum(p.numel() for p in plain.parameters()) == count
    assert plain[0].gate_proj.out_features == 18


def test_blocks_of_a_library_become_plain():
    transformers = pytest.importorskip("transformers")
    from transformers.models.phi3.modeling_phi3 import Phi3MLP
    from transformers.models.t5.modeling_t5 import T5DenseGatedActDense

    phi = transformers.Phi3Config(hidden_size=8, intermediate_size=12, pad_token_id=0)
    t5 = transformers.T5Config(d_model=8, d_ff=12, feed_forward_proj="gated-gelu")
    model = nn.Sequential(Phi3MLP(phi), T5DenseGatedActDense(t5))
    apply(model, dict.fromkeys(("0.up_states_factor_1", "1.hidden_linear_factor_1"), "plain"))
    assert sum(p.numel() for p in model.parameters()) == 2 * 3 * 8 * 12
    assert model(X).shape == X.shape


def test_a_block_is_proven_in_full_precision_inside_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        model: Any = apply(nn.Sequential(Gated()), {"0.up_proj_factor_1": "plain"})
        assert model(X).dtype == torch.bfloat16
    assert model[0].gate_proj.out_features == 18  # of 12 gated ones
    assert model[0].gate_proj.weight.dtype == torch.float32


def test_a_weight_of_gate_and_factor_would_count_twice():
    block = Gated()
    block.up_proj.weight = block.gate_proj.weight
    with pytest.raises(ConversionError, match="cannot be made plain: its layers share weights"):
        apply(block, {"up_proj_factor_1": "plain"})
    assert block.up_proj.weight is block.gate_proj.weight
