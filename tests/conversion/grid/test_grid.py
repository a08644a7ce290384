"""Recognition on a grid: what a function computes, whatever it is called and however it is held."""

import functools
import logging
import math

import pytest
import sympy as sp
import torch
import torch.nn.functional as F

from autoact.conversion.grid import computed, computed_by
from autoact.spaces import Choice

CALLS: list[int] = []
STORED: torch.Tensor | None = None
LOGGER = logging.getLogger(__name__)


def gelu(x):
    return x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))


def counted(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


@counted
def decorated(x):
    return x * torch.sigmoid(x)


class Saving(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return grad * s * (1 + x * (1 - s))


class StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad):
        return grad


class Callable:
    def __init__(self, slope):
        self.slope = slope

    def __call__(self, x):
        return torch.where(x > 0, x, self.slope * x)

    def method(self, x):
        return self(x) * 1


def scaled(x, beta=1.702):
    return x * torch.sigmoid(beta * x)


@torch.jit.script
def scripted(x):
    return x * torch.tanh(F.softplus(x))


KNOWN = [
    (gelu, Choice("gelu")),
    (decorated, Choice("silu")),
    (Saving.apply, None),  # torch's own method; what calls it is recognized
    (lambda x: Saving.apply(x), Choice("silu")),
    (Callable(0.2), Choice("leaky_relu", negative_slope=0.2)),
    (Callable(0.2).method, Choice("leaky_relu", negative_slope=0.2)),
    (scaled, Choice("swish", beta=1.702)),
    (functools.partial(scaled, beta=0.5), Choice("swish", beta=0.5)),
    (scripted, Choice("mish")),
    (lambda x: torch.maximum(x, torch.zeros_like(x)), Choice("relu")),
    (lambda x: x.clamp(min=0), Choice("relu")),
    (lambda x: torch.sin(30 * x), Choice("sinusoid", omega=30.0)),
    (lambda x: F.elu(x.float(), 0.3), Choice("elu", alpha=0.3)),
    (lambda x: F.softplus(2 * x) / 2, Choice("softplus", beta=2.0)),
]


@pytest.mark.parametrize(("function", "choice"), KNOWN, ids=lambda value: getattr(value, "__name__", ""))
def test_functions_are_known_by_what_they_compute(function, choice):
    assert computed_by(function) == choice


OTHER = [
    lambda x: F.softplus(x) - math.log(2.0),  # no member is shifted
    lambda x: StraightThrough.apply(x),  # the values of relu, but not its derivatives
    lambda x: F.relu(x).detach(),
    lambda x: torch.softmax(x, -1),
    lambda x: x / x.abs().max(),
    lambda x: F.relu(x - x.mean()),
    lambda x: F.relu(x) + torch.randn_like(x) * 1e-3,
    lambda x: F.dropout(F.relu(x)),
    lambda x: F.relu_(x),  # changes its input
    lambda x: F.glu(x, -1),
    lambda x: F.relu(x).sum(),
    lambda x: x,
    lambda x, y: F.relu(x + y),
    lambda: torch.zeros(1),
    torch.save,
    torch.nn.ReLU,
    None,
    "relu",
    [F.relu],
]


@pytest.mark.parametrize("function", OTHER)
def test_what_is_no_member_element_by_element_is_not_known(function):
    assert computed_by(function) is None


def test_what_is_registered_meanwhile_is_known_and_a_constant_harms_nothing():
    import autoact

    assert computed_by(lambda x: F.relu(x)) == Choice("relu")

    @autoact.activation(family="test")
    def bent(x):
        return x + sp.sqrt(x**2 + 1) / 2

    @autoact.activation(family="test")
    def constant(x):
        return 0 * x + 2

    assert computed_by(lambda x: x + torch.sqrt(x**2 + 1) / 2) == Choice("bent")
    assert computed_by(lambda x: F.silu(x)) == Choice("silu")


def counting(x):
    CALLS.append(1)
    return F.relu(x)


def printing(x):
    print("called")
    return F.relu(x)


def through_a_closure():
    calls = []

    def act(x):
        calls.append(1)
        return F.relu(x)

    return act, calls


def setting(x):
    torch.set_default_dtype(torch.float32)
    return F.relu(x)


def storing(x):
    global STORED
    STORED = x
    return F.relu(x)


def unknown(x):
    return nowhere(x)  # type: ignore[name-defined]  # noqa: F821  a name that nothing binds


class Own:
    calls = 0

    def keep(self, x):
        self.calls += len(x)
        return F.relu(x)

    def __call__(self, x):
        self.calls += 1
        return F.relu(x)


def test_nothing_with_an_effect_is_called(capsys):
    act, calls = through_a_closure()
    module = torch.nn.BatchNorm1d(4)
    own = Own()
    effects = (counting, printing, act, setting, storing, own, lambda x: module(x), torch.save)
    for function in (*effects, LOGGER.error, lambda x: LOGGER.error(x), own.keep, unknown):
        assert computed_by(function) is None
    assert not CALLS
    assert not calls
    assert STORED is None
    assert own.calls == 0
    assert module.num_batches_tracked == 0
    assert capsys.readouterr() == ("", "")


def test_randomness_and_the_input_stay():
    state = torch.get_rng_state()
    assert computed(lambda x: torch.randn_like(x)) is None
    assert torch.equal(torch.get_rng_state(), state)


def test_in_place_functions_are_known_where_that_is_told():
    assert computed(torch.relu_) is None
    assert computed(torch.relu_, inplace=True) == Choice("relu")
