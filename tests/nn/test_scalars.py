"""A layer whose few numbers are computed in Python gives what the chain of torch operations gives."""

import pytest
import torch

import autoact
from autoact.kernels.cpu import _library as c_library
from autoact.nn import _auto
from autoact.nn._ranges import constrained, constrained_number, form_of
from autoact.nn._scalars import over_logits

pytestmark = pytest.mark.skipif(c_library._compiler() is None, reason="no C compiler on the path")
NAMES = ("relu", "prelu", "elu", "softplus", "tanh", "celu")


def layer_of(start="uniform", release=1.0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    layer = autoact.AutoActivation(NAMES, start=start, release_steps=None).to(dtype)
    with torch.no_grad():
        layer.logits.copy_(torch.randn(6, generator=generator))
        layer.raw.copy_(torch.randn(layer.raw.shape, generator=generator))
        layer.release.fill_(release)
        layer.temperature.fill_(0.7)
    return layer


def by_numbers(layer, x):
    """Tell whether weights and values are computed as numbers."""
    calls = []

    def counted(*arguments):
        calls.append(arguments)
        return over_logits(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_auto, "over_logits", counted)
        layer(x)
    return bool(calls)


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


def test_values_are_natural():
    layer = layer_of()
    for scale in (1e-3, 1.0, 50.0, 500.0):
        for raw, natural, parameter in zip(
            (layer.raw.detach() * scale).tolist(), layer.initial.tolist(), layer.ranges, strict=True
        ):
            z = torch.tensor([raw], dtype=torch.float64, requires_grad=True)
            want = constrained(z, torch.tensor([natural]).double(), (parameter,))
            got, speed = constrained_number(raw, natural, form_of(parameter))
            assert got == pytest.approx(want.item(), rel=1e-12)
            if parameter.learnable:
                assert speed == pytest.approx(
                    torch.autograd.grad(want.sum(), z)[0].item(), rel=1e-9, abs=1e-15
                )


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
