"""Recognition of modules, held functions and called functions: converted, and the same function as before."""

import functools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autoact import auto_layers, convert, find_layers
from autoact.conversion import apply, finalize
from autoact.spaces import Choice

X = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))


def bloom(x):
    return x * 0.5 * (1.0 + torch.tanh(0.79788456 * x * (1 + 0.044715 * x * x)))


def erf_gelu(x):
    return x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))


class BloomBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return bloom(x)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            return torch.autograd.grad(bloom(leaf), leaf, grad)[0]


class BloomGelu(nn.Module):
    """Computes by a function in one mode, by an autograd function in the other."""

    def forward(self, x):
        return BloomBackward.apply(x) if self.training else bloom(x)


class NoKnownWord(nn.Module):
    def forward(self, x):
        return x / (1 + (-x).exp())


class Slope(nn.Module):
    def __init__(self, slope):
        super().__init__()
        self.slope = slope

    def forward(self, x):
        return torch.where(x > 0, x, x * self.slope)


class ShiftedSoftplus(nn.Module):
    def __init__(self):
        super().__init__()
        self.shift = math.log(2.0)

    def forward(self, x):
        return F.softplus(x) - self.shift


class RandomInTraining(nn.Module):
    def forward(self, x):
        return F.leaky_relu(x, float(torch.rand(())) if self.training else 0.25)


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return F.relu(x)


class Net(nn.Module):
    def __init__(self, act):
        super().__init__()
        self.a, self.b, self.act = nn.Linear(4, 4), nn.Linear(4, 2), act

    def forward(self, x):
        return self.b(self.act(self.a(x)))


class Calls(Net):
    def forward(self, x):
        return self.b(erf_gelu(self.a(x)))


def wrapper(function):
    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapped


class Object:
    def __call__(self, x):
        return F.silu(x)


MODELS = {
    "bloom": (lambda: Net(BloomGelu()), "act", Choice("gelu_tanh")),
    "no known word": (lambda: Net(NoKnownWord()), "act", Choice("silu")),
    "parameter": (lambda: Net(Slope(0.2)), "act", Choice("leaky_relu", negative_slope=0.2)),
    "called function": (lambda: Calls(None), "gelu_1", Choice("gelu")),
    "held function": (lambda: Net(erf_gelu), "act", Choice("gelu")),
    "lambda": (lambda: Net(lambda x: F.elu(x)), "act", Choice("elu")),
    "partial": (
        lambda: Net(functools.partial(lambda b, x: x * torch.sigmoid(b * x), 0.5)),
        "act",
        Choice("swish", beta=0.5),
    ),
    "decorated": (lambda: Net(wrapper(F.silu)), "act", Choice("silu")),
    "object": (lambda: Net(Object()), "act", Choice("silu")),
}


@pytest.mark.parametrize(("make", "path", "choice"), MODELS.values(), ids=MODELS)
def test_what_the_grid_knows_is_converted_and_stays_the_same_function(make, path, choice):
    model = make()
    before = model(X)
    plan = find_layers(model, ["relu", "tanh"])
    assert plan.layers == {path: choice}
    assert plan.left_alone == {}
    convert(model, ["relu", "tanh"])
    torch.testing.assert_close(model(X), before)
    assert list(auto_layers(model)) == [path]
    torch.testing.assert_close(finalize(model)(X), before)
    assert not torch.equal(apply(make(), {path: "tanh"})(X), before)


@pytest.mark.parametrize("act", [RandomInTraining(), Counting(), ShiftedSoftplus()], ids=str)
def test_what_is_no_member_stays_and_is_not_touched(act):
    model = nn.Sequential(Net(act), nn.ReLU(), nn.Linear(2, 2))
    state = torch.get_rng_state()
    plan = find_layers(model)
    assert list(plan.layers) in (["1"], ["0.act.relu_1", "1"])
    assert torch.equal(torch.get_rng_state(), state)
    assert getattr(act, "calls", 0) == 0
    assert act.training


def test_a_function_with_settings_in_its_call_is_left_alone():
    class Scaled(Net):
        def forward(self, x):
            return self.b(F.relu(quick(self.a(x), 0.5)))

    plan = find_layers(Scaled(None))
    assert list(plan.layers) == ["relu_1"]
    assert "gives settings to a function" in plan.left_alone["swish_1"]


def quick(x, beta=1.702):
    return x * torch.sigmoid(beta * x)


def test_a_hook_does_not_hide_a_module():
    seen = []
    model = Net(BloomGelu())
    model.act.register_forward_hook(lambda *_: seen.append(1))
    assert list(find_layers(model).layers) == ["act"]
    assert seen == []
