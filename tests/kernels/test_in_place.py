"""Code that changes the result of a mixture in place, as `h += x` behind an activation does."""

import pytest
import torch

import autoact
from autoact import AutoActivation, FixedActivation

NAMES = ["relu", "identity", "tanh", "elu"]


@pytest.mark.parametrize("size", [12, 3000])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize(
    "make",
    [
        lambda: AutoActivation(NAMES),
        lambda: AutoActivation(NAMES, start="relu"),
        lambda: AutoActivation(NAMES, start="identity"),
        lambda: AutoActivation(NAMES, granularity="channel", channels=3),
        lambda: AutoActivation(["relu"]),
        lambda: FixedActivation("identity"),
        lambda: FixedActivation("swish", beta=2.0),
    ],
    ids=["uniform", "relu", "identity", "channel", "single", "fixed_identity", "fixed"],
)
def test_a_residual_may_be_added_in_place(make, dtype, size):
    layer = make()
    results = []
    for in_place in (True, False):
        x = torch.linspace(-2, 2, size).reshape(-1, 3).to(dtype).requires_grad_()
        y = layer(x * 1)
        if in_place:
            y += x
        else:
            y = y + x
        (slope,) = torch.autograd.grad(y.square().sum(), x)
        results.append((y.detach(), slope))
    for got, want in zip(*results, strict=True):
        torch.testing.assert_close(got, want, rtol=0, atol=0)


@pytest.mark.parametrize("size", [12, 3000])
def test_the_result_is_never_the_input(size):
    x = torch.ones(size)
    for w in (torch.tensor([0.0, 1.0]), torch.tensor([0.5, 0.5])):
        y = autoact.mixture(x, w, ("relu", "identity"))
        y.zero_()
        assert torch.equal(x, torch.ones(size))
