"""Activations that change their input in place go on doing so, and so does what is chosen for them."""

import copy
import functools
import warnings
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autoact.conversion import apply, auto_layers, convert, finalize, find_layers, recipe, replay
from autoact.errors import ConversionError
from autoact.spaces import LayerRule, SearchSpace

NAMES = ["relu", "tanh", "sigmoid", "elu", "gelu", "leaky_relu", "prelu", "swish"]


class Branch(nn.Module):
    branch: Any

    def __init__(self, first=None):
        super().__init__()
        self.branch = nn.Sequential(first or nn.ReLU(inplace=True), nn.Linear(8, 8))

    def forward(self, x):
        h = x * 1
        return h + self.branch(h)


class Looping(Branch):
    def __init__(self):
        super().__init__()
        self.branch = nn.ModuleList(self.branch)

    def forward(self, x):
        y = h = x * 1
        for layer in self.branch:
            y = layer(y)
        return h + y


class Collecting(Branch):
    """What runs before an activation in place is kept, and changes with it."""

    def __init__(self):
        super().__init__()
        self.branch = nn.Sequential(nn.Linear(8, 8), nn.ReLU(inplace=True), nn.Linear(8, 8))

    def forward(self, x):
        kept = []
        for layer in self.branch:
            x = layer(x)
            kept.append(x)
        return sum(kept)


BEGINNINGS = [
    Branch,
    Looping,
    Collecting,
    lambda: Branch(nn.Sequential(nn.Identity(), nn.Dropout(0.0), nn.ReLU(inplace=True))),
]


@pytest.mark.parametrize("make", BEGINNINGS)
def test_an_activation_that_changes_its_input_goes_on_doing_so(make):
    torch.manual_seed(0)
    model, x = make(), torch.randn(4, 8, requires_grad=True)
    want = model(x)
    (slope,) = torch.autograd.grad(want.square().sum(), x)
    converted = convert(copy.deepcopy(model), NAMES)
    fixed = apply(copy.deepcopy(model), dict.fromkeys(auto_layers(converted), "relu"))
    for each in (converted, fixed, replay(copy.deepcopy(model), recipe(converted)), finalize(converted)):
        got = each(x)
        assert torch.equal(got, want)
        torch.testing.assert_close(torch.autograd.grad(got.square().sum(), x)[0], slope)


@pytest.mark.parametrize("make", BEGINNINGS)
@pytest.mark.parametrize("name", ["leaky_relu", "tanh", "prelu", "swish", "sigmoid"])
def test_so_does_what_is_chosen_in_its_place(make, name):
    model, x = make(), torch.randn(4, 8)
    (path,) = find_layers(model).layers
    seen = []
    apply(model, {path: name})
    layer = model.get_submodule(path)
    layer.register_forward_hook(lambda module, args, result: seen.append((args[0], result)))
    model(x).sum().backward()
    assert torch.equal(*seen[0])
    apply(model, {path: "relu"})
    assert str(model.get_submodule(path)) == "ReLU(inplace=True)"


class Positional(nn.Module):
    def forward(self, x):
        h = x * 1
        return h + 2 * F.relu(h, True)


class Partial(nn.Module):
    def __init__(self):
        super().__init__()
        self.act = functools.partial(F.relu, inplace=True)

    def forward(self, x):
        h = x * 1
        return h + 2 * self.act(h)


@pytest.mark.parametrize("kind", [Positional, Partial])
def test_however_a_call_is_told_to_work_in_place(kind):
    model, x = kind(), torch.randn(4, 8)
    want = model(x)
    assert torch.equal(want, 3 * F.relu(x))
    assert torch.equal(convert(kind())(x), want)
    (path,) = find_layers(model).layers
    assert torch.equal(apply(model, {path: "tanh"})(x), 3 * torch.tanh(x))


@pytest.mark.parametrize("make", BEGINNINGS)
def test_finalized_models_still_know(make):
    model, x = make(), torch.randn(4, 8)
    want = model(x)
    (path,) = find_layers(model).layers
    finalize(apply(model, {path: "tanh"}))
    assert torch.equal(apply(copy.deepcopy(model), {path: "relu"})(x), want)
    assert convert(model, NAMES).get_submodule(path).in_place == "itself"


def test_in_torchs_own_layers_nothing_is_copied():
    layer = nn.TransformerEncoderLayer(8, 2, 8, activation=nn.ReLU(inplace=True))
    assert type(apply(layer, {"activation": "gelu"}).activation) is nn.GELU


def test_slopes_are_learned_where_the_input_changes():
    model = apply(Branch(), {"branch.0": "prelu"})
    model(-torch.ones(2, 8)).sum().backward()
    assert model.branch[0].weight.grad is not None
    assert find_layers(model).layers["branch.0"].activation == "prelu"


def test_a_leaf_that_is_learned_is_refused_as_before():
    x = torch.randn(4, 8, requires_grad=True)
    for model in (Branch(), convert(Branch()), apply(Branch(), {"branch.0": "tanh"})):
        with pytest.raises(RuntimeError, match="leaf Variable"):
            model.branch(x)


def test_in_the_middle_of_a_row_nothing_is_copied():
    row = nn.Sequential(nn.Linear(8, 8), nn.ReLU(inplace=True), nn.Linear(8, 8))
    assert convert(copy.deepcopy(row))[1].in_place is None
    assert type(apply(row, {"1": "tanh"})[1]) is nn.Tanh


def test_a_layer_cannot_change_its_input_in_some_of_its_places_only():
    space = SearchSpace("one", ("relu", "tanh"), layers=(LayerRule(match="*", share="group"),))
    plain = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8))
    model = nn.Sequential(Branch(), plain)
    with pytest.raises(ConversionError, match=r"0\.branch\.0 changes its input and 1\.1 does not"):
        convert(model, space)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, x = nn.Sequential(Branch(), Branch()), torch.randn(4, 8)
        want = model(x)
        assert torch.equal(convert(model, space)(x), want)
