"""Plain blocks of as many parameters as gated ones."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autoact.conversion import convert, find_layers, ungated
from autoact.errors import ConfigurationError, ConversionError
from tests.conversion.test_gated_blocks import FORMS, Chunked, Gated, X


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
        hidden = self.two(x) * F.gelu(first)
        return self.three(hidden)


def test_a_block_of_linear_layers_without_biases_keeps_its_count():
    model, gated = ungated(nn.Sequential(Gated())), Gated()
    assert count(model) == count(gated)
    block = model[0]
    assert (block.gate_proj.out_features, block.down_proj.in_features) == (18, 18)
    assert torch.equal(model(X), block.down_proj(F.silu(block.gate_proj(X))))
    assert not any(name.startswith("up_proj") for name, _ in block.named_parameters())


def test_with_biases_the_nearest_width_is_taken_and_the_spread_stays():
    torch.manual_seed(0)
    before = Named()
    model = ungated(copy.deepcopy(before))
    unit = 8 + 8 + 1
    assert abs(count(model) - count(before)) <= unit / 2
    assert torch.equal(model(X), model.three(F.gelu(model.one(X))))
    assert torch.equal(model.one.bias, torch.zeros(model.one.out_features))
    torch.testing.assert_close(model.one.weight.std(), before.one.weight.std())
    ratio = (13 / model.three.in_features) ** 0.5
    torch.testing.assert_close(model.three.weight.std(), ratio * before.three.weight.std())


def test_both_forms_have_the_layers_of_one_search():
    gated, plain = nn.Sequential(Gated(), Named()), ungated(nn.Sequential(Gated(), Named()))
    for space in ("default", FORMS):
        found, also = find_layers(gated, space), find_layers(plain, space)
        assert (found.layers, found.candidates) == (also.layers, also.candidates)
    before = plain(X)
    assert torch.equal(convert(plain)(X), before)


def test_a_glu_stays_one():
    model = ungated(nn.Sequential(nn.Linear(8, 16), nn.GLU(), Gated()))
    assert type(model[1]) is nn.GLU
    assert model[2].gate_proj.out_features == 18


class Reused(Gated):
    def forward(self, x):
        hidden = self.act_fn(self.gate_proj(x)) * self.up_proj(x)
        return self.down_proj(hidden) + self.up_proj(x).sum()


class Scaled(Gated):
    def forward(self, x):
        return 2 * self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))


class Shifted(Gated):
    def forward(self, x):
        return self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x + 1))


@pytest.mark.parametrize("block", [Chunked, Reused, Scaled, Shifted])
def test_what_computes_anything_else_is_refused_and_stays(block):
    model = nn.Sequential(Gated(), block())
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(
        ConversionError, match=rf"block at 1\..* cannot be made plain: {block.__name__} does not"
    ):
        ungated(model)
    assert model.state_dict().keys() == before.keys()
    assert isinstance(ungated(model, "0.*")[0].gate_proj, nn.Linear)
    assert type(model[1]) is block


def test_without_a_block_there_is_nothing_to_do():
    model = nn.Sequential(nn.Linear(8, 8), nn.ReLU())
    with pytest.raises(ConversionError, match=r"no gated block at '\*'; there are: none"):
        ungated(model)
    with pytest.raises(ConversionError, match=r"no gated block at '9.*'; there are: 0.act_fn"):
        ungated(nn.Sequential(Gated()), "9.*")
    with pytest.raises(ConfigurationError, match="glob on paths of activations"):
        ungated(nn.Sequential(Gated()), 3)
