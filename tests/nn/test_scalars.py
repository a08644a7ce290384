"""A layer whose few numbers are computed in C gives what the chain of torch operations gives."""

from typing import Any

import pytest
import torch

import autoact
from autoact.kernels.cpu import _library as c_library
from autoact.nn import _auto, _own_schedule
from autoact.nn._scalars import c_chain_of, over_logits

pytestmark = pytest.mark.skipif(c_library._compiler() is None, reason="no C compiler on the path")
NAMES = ("relu", "prelu", "elu", "softplus", "tanh", "celu")


def layer_of(start="uniform", release=1.0, dtype=torch.float32, **more):
    generator = torch.Generator().manual_seed(0)
    layer = autoact.AutoActivation(NAMES, start=start, release_steps=None, **more).to(dtype)
    with torch.no_grad():
        layer.logits.copy_(torch.randn(6, generator=generator))
        layer.raw.copy_(torch.randn(layer.raw.shape, generator=generator))
        layer.release.fill_(release)
        layer.temperature.fill_(0.7)
    return layer


def by_numbers(layer, x):
    """Tell whether weights and values are computed by the layer's own kernels."""
    calls = []

    def counted(*arguments):
        calls.append(over_logits(*arguments))
        return calls[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_auto, "over_logits", counted)
        layer(x)
    return any(calls)


def by_the_chain(layer, x):
    return autoact.mixture(x, layer.weights(), layer.candidates, layer.natural_values())


def derivatives(f, layer, x):
    x = x.clone().requires_grad_()
    y = f(layer, x)
    return y.detach(), *torch.autograd.grad(y.sin().sum(), (x, layer.logits, layer.raw))


@pytest.mark.parametrize(("start", "release"), [("uniform", 1.0), ("elu", 0.0), ("elu", 0.3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_values_and_gradients(start, release, dtype):
    layer, x = layer_of(start, release), torch.randn(1024, 3).to(dtype)
    assert by_numbers(layer, x)
    short = derivatives(lambda own, x: own(x), layer, x)
    chain = derivatives(by_the_chain, layer, x)
    tolerance = 1e-5 if dtype == torch.float32 else 1e-2
    for got, want in zip(short, chain, strict=True):
        torch.testing.assert_close(got, want, rtol=tolerance, atol=tolerance * float(want.abs().max()))


def test_the_start_is_exact():
    layer, x = layer_of("elu", 0.0), torch.randn(4096)
    with torch.no_grad():
        layer.raw.zero_()
    assert torch.equal(layer(x), autoact.get("elu")(x))


CONFIGURED: dict[str, dict[str, Any]] = {
    "default": {},
    "bounded": {"bounds": {"elu": {"alpha": [0.2, 1.5]}, "prelu": {"slope": [0.25, 0.5]}}},
    "on a bound": {
        "bounds": {"elu": {"alpha": [1.0, 1.5]}, "prelu": {"slope": [-1, 0.25]}},
        "settings": {"elu": {"alpha": 1.0}, "prelu": {"slope": 0.25}},
    },
    "fixed": {"learn_parameters": False},
    "one fixed": {"bounds": {"elu": {"alpha": 1}}},
}


def state_of(layer):
    chain = c_chain_of(layer._key)
    assert chain is not None
    _, state = chain.forward(torch.zeros(256), (*layer._numbers(layer.logits, layer.raw), layer.seen), 0.0)
    return dict(zip(("weights", "values", "slopes", "speeds"), state.split(chain.parts), strict=False))


@pytest.mark.parametrize("scale", [0.0, 1e-3, 1.0, 50.0, 500.0])
@pytest.mark.parametrize("name", CONFIGURED)
def test_numbers_are_those_of_torch(name, scale):
    """Weights, values and speeds to float32, and at raw = 0 the initial values bit for bit."""
    layer = layer_of(**CONFIGURED[name])
    with torch.no_grad():
        layer.raw.mul_(scale)
        layer.logits.mul_(min(scale, 5.0))
    state = state_of(layer)
    raw = layer.raw.detach().double().requires_grad_()
    values = torch.func.functional_call(_Values(layer), {"layer.raw": raw}, ())
    torch.testing.assert_close(state["weights"], layer.weights().detach(), rtol=1e-6, atol=1e-12)
    torch.testing.assert_close(state["values"], values.detach().float(), rtol=2e-7, atol=1e-30)
    if any(p.learnable for p in layer.ranges):
        (speeds,) = torch.autograd.grad(values.sum(), raw)
        inside = speeds != 0  # torch stops at a bound; here what lies on it may come back
        assert inside.any()
        torch.testing.assert_close(state["speeds"][inside], speeds[inside].float(), rtol=2e-7, atol=1e-30)
    if not scale:
        assert torch.equal(state["values"], layer.initial.float())


class _Values(torch.nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self):
        return self.layer.natural_values()


def test_diverged_logits_stay_so():
    for bad in (float("nan"), float("inf")):
        layer = layer_of()
        with torch.no_grad():
            layer.logits[2] = bad
        assert layer(torch.zeros(300)).isnan().all()


def test_the_schedule_moves_in_the_same_call():
    layer = autoact.AutoActivation(NAMES, start="elu", release_steps=7)
    release, seen = layer.release.clone(), layer.seen.clone()
    for step in range(10):
        if step != 3:
            with torch.no_grad():
                layer.logits.add_(0.125)
        layer(torch.zeros(300))
        _own_schedule.advance(layer.logits, seen, release, 7)
        assert torch.equal(layer.release, release)
        assert torch.equal(layer.seen, layer.logits)


def test_higher_derivatives_and_batches_of_gradients():
    layer, x = layer_of(), torch.randn(1100)

    def second(f):
        z = x.clone().requires_grad_()
        inputs = (z, layer.logits, layer.raw)
        first = torch.autograd.grad(f(layer, z).square().sum(), inputs, create_graph=True)
        total = torch.stack([t.square().sum() for t in first]).sum()
        rows = torch.autograd.grad(f(layer, z), inputs[:2], torch.eye(1100)[:3], is_grads_batched=True)
        return *torch.autograd.grad(total, inputs), *rows

    for got, want in zip(second(lambda own, z: own(z)), second(by_the_chain), strict=True):
        torch.testing.assert_close(got, want, rtol=2e-3, atol=2e-3 * float(want.abs().max()))


def test_functional_call_differentiates_the_tensors_that_it_was_given():
    layer, x = layer_of(), torch.randn(2048)
    logits = torch.zeros(6, requires_grad=True)
    y = torch.func.functional_call(layer, {"logits": logits}, (x,))
    (first,) = torch.autograd.grad(y.square().sum(), logits, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), logits)
    assert second.abs().sum() > 0


@pytest.mark.parametrize(
    ("arguments", "x"),
    [
        ({"relaxation": "affine"}, torch.randn(2048)),
        ({"granularity": "channel", "channels": 2}, torch.randn(1024, 2)),
        ({"standardize": True}, torch.randn(2048)),
        ({}, torch.randn(2048, dtype=torch.float64)),
        ({}, torch.randn(255)),
    ],
)
def test_other_layers_go_the_long_way(arguments, x):
    assert not by_numbers(autoact.AutoActivation(NAMES, **arguments), x)


def test_any_default_device():
    layer, x = autoact.AutoActivation(["relu", "elu", "tanh"]), torch.randn(1024, requires_grad=True)
    want = layer(x)
    with torch.device("meta"):
        y = layer(x)
        y.backward(torch.ones(1024, device="cpu"))
    assert torch.equal(y, want)
    assert layer.logits.grad is not None
    assert layer.logits.grad.device.type == "cpu"


def change(layer, what):
    with torch.no_grad():
        if what == "release":
            layer.release.fill_(1.0)
        elif what == "temperature":
            layer.temperature.fill_(3.0)
        elif what == "logits":
            layer.logits.add_(1.0)
        elif what == "raw":
            layer.raw.add_(0.5)
        elif what == "initial":
            layer.initial.add_(0.5)
        elif what == "anchor":
            layer.anchor.copy_(layer.anchor.flip(0))
        elif what == "double":
            layer.double()
        elif what == "half":
            layer.bfloat16()


@pytest.mark.parametrize("size", [200, 300])
@pytest.mark.parametrize(
    "what", ["nothing", "release", "temperature", "logits", "raw", "initial", "anchor", "double", "half"]
)
def test_gradients_are_those_of_forward_whatever_changes_before_backward(what, size):
    """The values of forward count; or torch says that one of them was changed in place."""

    def second(what):
        layer = layer_of("relu", 0.5)
        x = torch.linspace(-2, 2, size).requires_grad_()
        y = layer(x)
        change(layer, what)
        (slope,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        inputs = (x,) if cast else (x, layer.logits)  # torch loses a parameter's gradient where it is cast
        return slope.detach(), *torch.autograd.grad(slope.square().sum(), inputs)

    cast = what in ("double", "half")
    want = second("nothing")
    try:
        found = second(what)
    except RuntimeError as error:
        assert "modified by an inplace operation" in str(error)  # noqa: PT017
        assert what in ("temperature", "logits", "raw")
    else:
        for got, expected in zip(found, want, strict=True):
            torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-6, check_dtype=False)


def test_release_moved_between_forward_and_a_second_order_backward():
    slopes = []
    for size in (300, 200):
        layer = autoact.AutoActivation(start="relu")
        layer.release.fill_(0.5)
        x = torch.linspace(-1, 1, 300)[:size].clone().requires_grad_()
        y = layer(x)
        layer.release.fill_(1.0)
        (slope,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        slopes.append(slope[:200].detach())
    torch.testing.assert_close(*slopes, rtol=1e-5, atol=1e-6)
