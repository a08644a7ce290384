"""sinc, as users write it, and its derivatives: exact at 0, near it, and on both sides of the series' end."""

import mpmath
import pytest
import sympy as sp
import torch

import autoact
from autoact.activations import Activation, Parameter, X
from autoact.analysis import facts

W = sp.Symbol("w", real=True)
SINC = Activation("sinc_of_wx", sp.sinc(W * X), (Parameter(default=1.0, name="w"),), family="test")
POINTS = [-30.0, -2.0001, -1.9999, -1.0, -1e-3, 0.0, 1e-8, 1e-160, 0.5, 1.9999, 2.0001, 3.0, 1e3]


@pytest.mark.parametrize("order", range(4))
def test_derivatives_against_high_precision(order):
    x = torch.tensor(POINTS, dtype=torch.float64, requires_grad=True)
    got = SINC(x)
    for _ in range(order):
        (got,) = torch.autograd.grad(got.sum(), x, create_graph=True)
    with mpmath.workdps(40):
        for point, value in zip(POINTS, got.tolist(), strict=True):
            want = float(mpmath.diff(mpmath.sinc, mpmath.mpf(point), order))
            assert value == pytest.approx(want, rel=1e-14, abs=1e-16), point


def test_a_width_is_learned():
    x = torch.tensor([-3.0, 0.0, 0.7, 1.9], dtype=torch.float64)
    w = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(SINC(x, w=w), torch.sinc(1.3 * x / torch.pi))
    assert torch.autograd.gradcheck(lambda w: SINC(x, w=w), (w,))
    assert torch.autograd.gradgradcheck(lambda w: SINC(x, w=w), (w,))


def test_it_has_facts_and_mixes():
    @autoact.activation(family="test")
    def dip(x, w=Parameter(default=1.0)):
        """Sine over its argument."""
        return sp.sinc(w * x)

    found = facts("dip")
    assert (found.smoothness, found.kinks, found.growth) == (float("inf"), (), "bounded")
    assert found.range == pytest.approx((-0.2172336, 1.0))
    assert dip.latex == r"\operatorname{sinc}(w x)"
    x = torch.linspace(-5, 5, 101, requires_grad=True)
    mixed = autoact.mixture(x, torch.tensor([0.25, 0.75]), ["dip", "relu"])
    torch.testing.assert_close(mixed, 0.25 * torch.sinc(x / torch.pi) + 0.75 * x.relu())
    (slope,) = torch.autograd.grad(mixed.sum(), x)
    wide = x.detach().double()[x != 0]
    want = 0.25 * (wide.cos() - wide.sin() / wide) / wide + 0.75 * (wide > 0)
    torch.testing.assert_close(slope[x != 0].double(), want, rtol=1e-5, atol=1e-6)
