"""Gated blocks that become plain: as strangers write them, with as many parameters, or refused."""

import copy
import io
import pickle
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations

import autoact
from autoact.conversion import (
    apply,
    auto_layers,
    convert,
    finalize,
    find_layers,
    named_in_configuration,
    recipe,
    replay,
)
from autoact.errors import ConfigurationError, ConversionError
from tests.conversion.test_gated_blocks import Chunked, Gated, X

IMAGES = torch.randn(2, 8, 6, 6, generator=torch.Generator().manual_seed(0))
SOUNDS = torch.randn(2, 8, 9, generator=torch.Generator().manual_seed(0))


def count(model):
    return sum(each.numel() for each in model.parameters())


class Named(nn.Module):
    """With biases, an odd width, names between, and a function."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.three = nn.Linear(8, 13), nn.Linear(8, 13), nn.Linear(13, 8)
        nn.init.zeros_(self.one.bias)
        nn.init.normal_(self.one.weight, std=0.02)

    def forward(self, x):
        first = self.one(x)
        second = self.two(x)
        hidden = second * F.gelu(first)
        return self.three(hidden)


class Fused(nn.Module):
    """As transformers' Phi3MLP is written: one layer for both, and one name for three things."""

    def __init__(self):
        super().__init__()
        self.gate_up_proj, self.down_proj = nn.Linear(8, 24, bias=False), nn.Linear(12, 8, bias=False)
        self.activation_fn = nn.SiLU()

    def forward(self, hidden_states):
        up_states = self.gate_up_proj(hidden_states)
        gate, up_states = up_states.chunk(2, dim=-1)
        up_states = up_states * self.activation_fn(gate)
        return self.down_proj(up_states)


class Dropped(nn.Module):
    """As transformers' T5DenseGatedActDense is written."""

    def __init__(self):
        super().__init__()
        self.wi_0, self.wi_1 = nn.Linear(8, 12, bias=False), nn.Linear(8, 12, bias=False)
        self.wo, self.act, self.dropout = nn.Linear(12, 8, bias=False), nn.GELU(), nn.Dropout(0.1)

    def forward(self, hidden_states):
        hidden_gelu = self.act(self.wi_0(hidden_states))
        hidden_linear = self.wi_1(hidden_states)
        hidden_states = hidden_gelu * hidden_linear
        hidden_states = self.dropout(hidden_states)
        return self.wo(hidden_states)


class Whole(nn.Module):
    """Attention, and a normalized gated block beside it, in one class."""

    def __init__(self):
        super().__init__()
        self.norm, self.o = nn.LayerNorm(8), nn.Linear(8, 8)
        self.q, self.k, self.v = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8)
        self.w1, self.w3, self.w2 = nn.Linear(8, 12), nn.Linear(8, 12), nn.Linear(12, 8)

    def forward(self, x):
        x = x + self.o(F.scaled_dot_product_attention(self.q(x), self.k(x), self.v(x)))
        h = self.norm(x)
        return x + self.w2(F.silu(self.w1(h)) * self.w3(h))


class Images(nn.Module):
    """Convolutions, halved by channels, beside a path that skips them."""

    def __init__(self):
        super().__init__()
        self.project_in, self.project_out = nn.Conv2d(8, 24, 1), nn.Conv2d(12, 8, 3, padding=1)

    def forward(self, x):
        x1, x2 = self.project_in(x).chunk(2, dim=1)
        return x + self.project_out(F.gelu(x1) * x2)


class Called(nn.Module):
    """F.glu, whose gate is the second half."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(8, 24), nn.Linear(12, 8)

    def forward(self, x):
        return self.two(F.glu(self.one(x)))


def sequence():
    return nn.Sequential(nn.Linear(8, 24), nn.GLU(), nn.Dropout(0.1), nn.Linear(12, 8))


def convolutions():
    return nn.Sequential(nn.Conv1d(8, 24, 3), nn.GLU(dim=1), nn.Conv1d(12, 8, 1))


BLOCKS: dict[str, tuple[Any, str, torch.Tensor, tuple[int, int]]] = {  # its parameters, gated and plain
    "Llama": (Gated, "up_proj_factor_1", X, (288, 288)),
    "biases": (Named, "second_factor_1", X, (346, 348)),
    "Phi3": (Fused, "up_states_factor_1", X, (288, 288)),
    "chunk": (Chunked, "up_factor_1", X, (320, 314)),
    "T5": (Dropped, "hidden_linear_factor_1", X, (288, 288)),
    "whole": (Whole, "w3_factor_1", X, (320, 314)),
    "images": (Images, "x2_factor_1", IMAGES, (1088, 1061)),
    "F.glu": (Called, "glu_factor_1", X, (320, 314)),
    "nn.GLU": (sequence, "1.glu_factor_1", X, (320, 314)),
    "Conv1d": (convolutions, "1.glu_factor_1", SOUNDS, (704, 701)),
}


def block(name):
    torch.manual_seed(0)
    make, path, x, sizes = BLOCKS[name]
    return nn.Sequential(make()).eval(), f"0.{path}", x, sizes


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_becomes_plain_with_as_many_parameters_as_it_had(name):
    model, path, x, (gated, plain) = block(name)
    rule = {"match": f"*.{path.rpartition('.')[2]}", "candidates": ["identity", "plain"]}
    space = {"version": 1, "candidates": ["relu", "silu"], "layers": [rule]}
    assert find_layers(model, space).plain == {path: (gated, plain)}
    shape, rest, state = model(x).shape, count(model) - gated, torch.get_rng_state()
    apply(model, {path: "plain"})
    assert torch.equal(torch.get_rng_state(), state)
    assert count(model) == plain + rest
    computed = model(x)
    assert computed.shape == shape
    fresh = block(name)[0]
    assert path in autoact.load_weights(fresh, model.state_dict()).activations
    assert torch.equal(fresh(x), computed)
    assert torch.equal(copy.deepcopy(model)(x), computed)
    keys = finalize(model).state_dict().keys()
    assert keys <= block(name)[0].state_dict().keys()
    assert torch.equal(model(x), computed)
    assert torch.equal(pickle.loads(pickle.dumps(model))(x), computed)
    with pytest.raises(RuntimeError, match="size mismatch"):
        block(name)[0].load_state_dict(model.state_dict())


def test_what_is_computed_is_the_plain_block():
    model, path, x, _ = block("Llama")
    apply(model, {path: "plain", "0.act_fn": "relu"})
    inner: Any = model[0]
    assert (inner.gate_proj.out_features, inner.down_proj.in_features) == (18, 18)
    assert torch.equal(model(x), inner.down_proj(F.relu(inner.gate_proj(x))))
    model, path, x, _ = block("nn.GLU")
    inner = apply(model, {path: "plain"})[0]
    torch.testing.assert_close(model(x), inner[3](torch.sigmoid(nn.Linear.forward(inner[0], x))))
    model, path, x, _ = block("images")
    inner = apply(model, {path: "plain"})[0]
    wide = nn.Conv2d.forward(inner.project_in, x)
    torch.testing.assert_close(model(x), x + inner.project_out(F.gelu(wide)))


def test_fresh_weights_are_spread_as_those_before_and_differ_from_block_to_block():
    torch.manual_seed(0)
    before = Named()
    model: Any = nn.Sequential(copy.deepcopy(before), copy.deepcopy(before))
    first, second = apply(model, dict.fromkeys(("0.second_factor_1", "1.second_factor_1"), "plain"))
    assert torch.equal(first.one.bias, torch.zeros(first.one.out_features))
    torch.testing.assert_close(first.one.weight.std(), before.one.weight.std())
    ratio = (13 / first.three.in_features) ** 0.5
    torch.testing.assert_close(first.three.weight.std(), ratio * before.three.weight.std())
    assert not torch.equal(first.one.weight, second.one.weight)
    torch.manual_seed(0)
    again: Any = apply(nn.Sequential(Named()), {"0.second_factor_1": "plain"})[0]
    assert torch.equal(again.one.weight, first.one.weight)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_precision_mode_and_frozen_weights_stay(dtype):
    model: Any = nn.Sequential(Gated()).to(dtype).eval()
    model[0].gate_proj.requires_grad_(False)
    apply(model, {"0.up_proj_factor_1": "plain"})
    assert {p.dtype for p in model.parameters()} == {dtype}
    assert not model[0].gate_proj.weight.requires_grad
    assert model[0].down_proj.weight.requires_grad
    assert not model[0].gate_proj.training
    assert model(X.to(dtype)).dtype == dtype


def test_a_model_on_the_meta_device_gets_the_shapes():
    with torch.device("meta"):
        model: Any = nn.Sequential(Gated())
    apply(model, {"0.up_proj_factor_1": "plain"})
    assert model[0].gate_proj.weight.shape == (18, 8)
    assert model[0].gate_proj.weight.is_meta


class Calling(Gated):
    """Holds what cannot be copied, counts its calls, and has a bias of ones."""

    def __init__(self):
        super().__init__()
        self.calls, self.trainer = 0, iter([1])
        self.down_proj = nn.Linear(12, 8)
        nn.init.ones_(self.down_proj.bias)

    def forward(self, x):
        self.calls += 1
        return self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))


def test_the_proof_leaves_no_trace_in_the_model():
    block, seen = Calling(), list[Any]()
    block.register_forward_hook(lambda *given: seen.append(given))
    with torch.device("meta"):  # as where a model is made
        apply(nn.Sequential(block), {"0.up_proj_factor_1": "plain"})
    assert not block.calls
    assert not seen
    assert block.gate_proj.weight.device.type == "cpu"
    torch.testing.assert_close(block.down_proj.bias.detach(), torch.ones(8))


class Normalized(Gated):
    """As BitNet is written: a norm of the product."""

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(12)

    def forward(self, x):
        return self.down_proj(self.norm(self.act_fn(self.gate_proj(x)) * self.up_proj(x)))


class Split(Chunked):
    """Halved by a number."""

    def forward(self, x):
        gate, up = self.both(x).split(12, -1)
        return self.down(up * F.gelu(gate))


class Reused(Gated):
    """Its gate computes something else as well."""

    def forward(self, x):
        return self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x)) + self.gate_proj(x).mean()


class Weighted(Gated):
    """Norms of weights, which fresh layers would not have."""

    def __init__(self):
        super().__init__()
        parametrizations.weight_norm(self.gate_proj)


class Tied(nn.Module):
    """Another layer has a weight of the block."""

    def __init__(self):
        super().__init__()
        self.block, self.other = Gated(), nn.Linear(8, 12, bias=False)
        self.other.weight = self.block.gate_proj.weight

    def forward(self, x):
        return self.block(x) + self.other(x).mean()


class Sharing(nn.Module):
    """Two blocks take their products by one layer."""

    def __init__(self):
        super().__init__()
        self.first, self.second = Gated(), Gated()
        self.second.down_proj = self.first.down_proj

    def forward(self, x):
        return self.first(x) + self.second(x)


GLU = nn.GLU()
SAME = nn.Sequential(nn.Linear(8, 24), GLU, nn.Linear(12, 24), GLU, nn.Linear(12, 8))
LAST = nn.Sequential(nn.Linear(8, 24), nn.GLU())
NORMED = nn.Sequential(nn.Linear(8, 24), nn.LayerNorm(24), nn.GLU(), nn.Linear(12, 8))
CANNOT = "cannot be made plain: .* has no three nn.Linear"
REFUSED: dict[str, tuple[nn.Module, str, str]] = {
    "a norm": (nn.Sequential(Normalized()), "0.up_proj_factor_1", CANNOT),
    "a size": (nn.Sequential(Split()), "0.up_factor_1", CANNOT),
    "two uses": (nn.Sequential(Reused()), "0.up_proj_factor_1", CANNOT),
    "norms of weights": (nn.Sequential(Weighted()), "0.up_proj_factor_1", CANNOT),
    "nothing behind": (LAST, "1.glu_factor_1", CANNOT),
    "a norm before": (NORMED, "2.glu_factor_1", CANNOT),
    "tied weights": (Tied(), "block.up_proj_factor_1", "other layers of the model use its weights"),
    "a shared layer": (Sharing(), "first.up_proj_factor_1", "other layers of the model use its weights"),
    "a shared GLU": (SAME, "1.glu_factor_1", CANNOT),
    "no gated block": (nn.Sequential(nn.Linear(8, 8), nn.ReLU()), "1", "1 is nothing of the kind"),
    "the gate": (nn.Sequential(Gated()), "0.act_fn", "0.act_fn is nothing of the kind"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_cannot_become_plain_is_refused_and_left_as_it_was(why):
    model, path, message = REFUSED[why]
    before, state = repr(model), copy.deepcopy(model.state_dict())
    with pytest.raises(ConversionError, match=message):
        apply(model, {path: "plain"})
    rule = {"match": f"*{path.rpartition('.')[2]}", "candidates": ["identity", "plain"]}
    with pytest.raises(ConversionError, match=message):
        find_layers(model, {"version": 1, "candidates": ["relu"], "layers": [{**rule, "match": path}]})
    assert repr(model) == before
    assert all(torch.equal(model.state_dict()[name], value) for name, value in state.items())


def test_a_copy_that_never_trains_would_not_get_the_fresh_weights():
    model = nn.ModuleDict({"net": nn.Sequential(Gated())})
    model["target_net"] = copy.deepcopy(model["net"]).requires_grad_(False)
    rule = {"match": "*.up_proj_factor_1", "candidates": ["identity", "plain"]}
    with pytest.raises(ConversionError, match=r"target_net.0.up_proj_factor_1: the fresh|follows: the fresh"):
        find_layers(model, {"version": 1, "candidates": ["silu"], "layers": [rule]})


PLAIN = {"match": "*.up_proj_factor_1", "candidates": ["identity", "clamped_offset", "plain"]}
SPACE = {"version": 1, "candidates": ["silu", "relu"], "layers": [PLAIN]}


def test_no_mixture_has_a_plain_block_and_its_start_is_exact():
    model = nn.Sequential(Gated())
    before = model(X)
    assert find_layers(model, SPACE).candidates["0.up_proj_factor_1"] == (
        "identity",
        "clamped_offset",
        "plain",
    )
    convert(model, SPACE)
    assert auto_layers(model)["0.up_proj_factor_1"].candidates == ("identity", "clamped_offset")
    assert torch.equal(model(X), before)
    with pytest.raises(ConfigurationError, match="No mixture has 'plain' among its candidates"):
        autoact.AutoActivation(["identity", "plain"])
    apply(model, {"0.up_proj_factor_1": "plain", "0.act_fn": "relu"})  # of the converted one
    inner: Any = model[0]
    torch.testing.assert_close(model(X), inner.down_proj(F.relu(inner.gate_proj(X))))


def test_a_plain_block_has_no_way_back():
    model = apply(nn.Sequential(Gated()), {"0.up_proj_factor_1": "plain"})
    with pytest.raises(
        ConversionError, match=r"is plain already, and has no weights for identity\. Apply to a"
    ):
        apply(model, {"0.up_proj_factor_1": "identity"})
    fresh = replay(nn.Sequential(Gated()), recipe(model))
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(fresh(X), model(X))
    for each in (model, finalize(fresh)):
        plan = find_layers(each, SPACE)
        assert list(plan.layers) == ["0.act_fn"]
        assert plan.left_alone == {
            "0.up_proj_factor_1": "its block is plain, and has no weights for another form"
        }
    assert type(finalize(model)[0]) is Gated


def test_a_file_of_weights_is_loaded_by_name_and_not_through_a_configuration():
    model: Any = apply(nn.Sequential(Gated()), {"0.up_proj_factor_1": "plain"})
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    fresh = nn.Sequential(Gated())
    assert str(autoact.load_weights(fresh, torch.load(file))).endswith("put in: 0.up_proj_factor_1")
    model.config = SimpleNamespace(hidden_act="silu")
    with pytest.raises(ConversionError, match="from_pretrained makes gated ones"):
        with named_in_configuration(model):
            pass
