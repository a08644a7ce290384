"""CReLU: cat([act(x), act(-x)]) is two layers that make one choice."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autoact.conversion import apply, auto_layers, convert, finalize, find_layers

X = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))


class Called(nn.Module):
    """As Shang et al. (2016) write it, with functions."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(8, 4), nn.Linear(8, 2)

    def forward(self, x):
        x = self.one(x)
        return self.two(torch.cat([F.relu(x), F.relu(-x)], dim=-1))


class Held(Called):
    """With a module, the minus first, in place."""

    def __init__(self):
        super().__init__()
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.two(torch.concat((self.act(-self.one(x)), self.act(self.one(x))), -1))


class Module(nn.Sequential):
    """A module of its own between others."""

    def __init__(self):
        super().__init__(nn.Linear(8, 4), CReLU(), nn.Linear(8, 2))


class CReLU(nn.Module):
    def forward(self, x):
        return torch.cat((torch.relu(x), torch.relu(-x)), 1)


class Around(Called):
    """One call for both."""

    def forward(self, x):
        x = self.one(x)
        return self.two(F.relu(torch.cat([x, -x], -1)))


class Unlike(Called):
    """What is no CReLU: other inputs, other activations, no minus."""

    def forward(self, x):
        x = self.one(x)
        one = torch.cat([F.relu(x), F.gelu(-x)], dim=-1)
        two = torch.cat([F.elu(x), F.elu(x - 1)], dim=-1)
        return self.two(one + two)


PAIRS = [
    (Called, ("relu_1", "relu_2")),
    (Held, ("act_1", "act_2")),
    (Module, ("1.relu_1", "1.relu_2")),
    (Around, ("relu_1",)),
]


@pytest.mark.parametrize(("kind", "paths"), PAIRS)
def test_the_function_inside_is_one_choice_and_starts_as_it_was(kind, paths):
    model = kind()
    before = model(X)
    assert find_layers(model).groups == (paths,)
    convert(model, ["relu", "elu", "silu"])
    assert torch.equal(model(X), before)
    assert len({id(layer.logits) for layer in auto_layers(model).values()}) == 1
    assert torch.equal(finalize(model)(X), before)


@pytest.mark.parametrize(("kind", "paths"), PAIRS)
def test_another_function_is_applied_to_both(kind, paths):
    model = kind()
    one, two = (model[0], model[2]) if kind is Module else (model.one, model.two)
    x = one(X)
    parts = [-x, x] if kind is Held else [x, -x]
    apply(model, dict.fromkeys(paths, "silu"))
    torch.testing.assert_close(model(X), two(F.silu(torch.cat(parts, -1))), rtol=0, atol=1e-6)


def test_what_is_no_crelu_chooses_call_by_call():
    assert all(len(group) == 1 for group in find_layers(Unlike()).groups)


def test_rules_that_tell_the_two_apart_let_them_choose_apart():
    rules = [{"match": "relu_1", "candidates": ["relu", "elu"]}, {"match": "relu_2"}]
    space = {"version": 1, "candidates": ["relu", "silu"], "layers": rules}
    assert find_layers(Called(), space).groups == (("relu_1",), ("relu_2",))
