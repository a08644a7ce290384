"""Maxout: found where pieces of one layer's features, or two layers of one input, are compared."""

import copy
import pickle

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autoact.conversion import apply, auto_layers, convert, finalize, find_layers, recipe, replay

X = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))


class Base(nn.Module):
    """Twelve features in pieces of three, and what reads four of them."""

    def __init__(self):
        super().__init__()
        self.k = 3
        self.one, self.two, self.out = nn.Linear(8, 12), nn.Linear(8, 12), nn.Linear(4, 2)
        self.conv = nn.Conv1d(1, 12, 3, padding=1)


class View(Base):
    def forward(self, x):
        return self.out(self.one(x).view(x.shape[0], 4, self.k).max(-1)[0])


class Reshape(Base):
    def forward(self, x):
        h = self.one(x)
        h = h.reshape(-1, 4, 3)
        h = torch.max(h, dim=2).values
        return self.out(h)


class Starred(Base):
    def forward(self, x):
        h = self.one(x).view(*x.shape[:-1], 4, 3)
        return self.out(h.amax(-1))


class Unflatten(Base):
    def forward(self, x):
        return self.out(torch.amax(self.one(x).unflatten(-1, (self.k, 4)), -2))


class Pair(Base):
    def forward(self, x):
        return self.out(torch.maximum(self.one(x), self.two(x))[:, :4])


class Chunks(Base):
    def forward(self, x):
        a, b = self.one(x).chunk(2, dim=-1)
        return self.out(torch.max(a, b)[:, :4])


class Channels(Base):
    """Of a convolution: groups of channels."""

    def forward(self, x):
        h = self.conv(x.unsqueeze(1))
        h = h.view(x.shape[0], 4, 3, 8).amax(2)
        return self.out(h.mean(-1))


class Nested(Base):
    """Around another activation, which is searched too."""

    def forward(self, x):
        return self.out(self.one(F.relu(x)).view(-1, 4, 3).max(2)[0])


KINDS = [View, Reshape, Starred, Unflatten, Pair, Chunks, Channels]


def smooth(pieces):
    """Return the fold of the smooth maximum of softplus, which is logsumexp."""
    return torch.logsumexp(torch.stack(list(pieces)), 0)


WANTED = {
    View: lambda m: smooth(m.one(X).view(6, 4, 3).unbind(-1)),
    Reshape: lambda m: smooth(m.one(X).view(6, 4, 3).unbind(-1)),
    Starred: lambda m: smooth(m.one(X).view(6, 4, 3).unbind(-1)),
    Unflatten: lambda m: smooth(m.one(X).view(6, 3, 4).unbind(1)),
    Pair: lambda m: smooth((m.one(X), m.two(X)))[:, :4],
    Chunks: lambda m: smooth(m.one(X).chunk(2, -1))[:, :4],
    Channels: lambda m: smooth(m.conv(X.unsqueeze(1)).view(6, 4, 3, 8).unbind(2)).mean(-1),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_maxout_is_one_layer_that_starts_as_it_was(kind, dtype):
    model, x = kind().to(dtype), X.to(dtype)
    before = model(x)
    plan = find_layers(model, ["relu", "softplus", "gelu"], example_input=x)
    assert list(plan.layers) == ["maxout_1"]
    assert str(plan.layers["maxout_1"]) == "relu"
    assert not plan.left_alone
    assert not plan.blocks
    convert(model, plan.space)
    assert torch.equal(model(x), before)
    model(x).sum().backward()
    assert auto_layers(model)["maxout_1"].logits.grad is not None
    fresh = replay(kind().to(dtype), recipe(model))
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(fresh(x), before)
    assert type(finalize(model)) is kind
    assert torch.equal(model(x), before)


@pytest.mark.parametrize("kind", KINDS)
def test_with_softplus_it_is_the_logarithm_of_the_sum_of_exponentials(kind):
    model = finalize(apply(kind(), {"maxout_1": "softplus"}))
    torch.testing.assert_close(model(X), model.out(WANTED[kind](model)))
    assert torch.equal(pickle.loads(pickle.dumps(model))(X), model(X))
    assert torch.equal(copy.deepcopy(model)(X), model(X))


def test_gradients_are_those_of_the_maximum():
    model, x = View(), X.clone().requires_grad_()
    (before,) = torch.autograd.grad(model(x).sum(), x)
    (after,) = torch.autograd.grad(convert(model)(x).sum(), x)
    torch.testing.assert_close(after, before)


def test_what_is_inside_a_maxout_is_a_layer_of_its_own():
    model = Nested()
    before = model(X)
    assert list(find_layers(model).layers) == ["relu_1", "maxout_1"]
    assert torch.equal(convert(model)(X), before)


class Others(Base):
    """Maxima that are none: over positions, of an input, of two inputs, with a floor, of all values."""

    def forward(self, x):
        steps = self.one(x).view(x.shape[0], -1, 12)
        pooled = steps.max(1)[0] + self.two(x).view(x.shape[0], x.shape[1] // 8, 12).amax(1)
        floor = torch.maximum(self.one(x), torch.zeros(12)) + torch.maximum(self.one(x), self.two(x + 1))
        largest = self.one(x).max() + x.max(-1)[0].sum() + x.view(-1, 4, 2).max(2)[0].sum()
        return self.out(F.relu(pooled + floor + largest)[:, :4])


def test_other_maxima_stay():
    assert list(find_layers(Others(), example_input=X).layers) == ["relu_1"]
