"""Derivatives of generated code are float64 where the input is: no constant passes through float32."""

import math

import mpmath
import pytest
import sympy as sp
import torch

import autoact
from autoact.activations import X
from autoact.analysis._subject import subject

HILL = {"K": 73.26823380564684, "n": 1.639362289619766}


def test_the_slope_of_hill():
    with mpmath.workdps(30):
        for x in (3.0, 4.5, 50.0):
            t = (mpmath.mpf(x) / HILL["K"]) ** HILL["n"]
            want = float(HILL["n"] * t / x / (1 + t) ** 2)
            got = float(subject("hill", **HILL)(torch.tensor(x).double().numpy(), 1))
            assert got == pytest.approx(want, rel=1e-14)


@pytest.mark.parametrize("order", [1, 2])
def test_of_a_users_piecewise_function(order):
    expression = sp.Piecewise((sp.Float(0.7) * sp.log(1 + X), X > 0), (sp.Float(0.7) * sp.sin(X), True))
    x = torch.tensor([-1.3, 0.4, 2.0], dtype=torch.float64)
    want = {1: [0.7 * math.cos(-1.3)], 2: [-0.7 * math.sin(-1.3)]}[order]
    want += [(0.7 if order == 1 else -0.7) / (1 + v) ** order for v in x[1:].tolist()]
    assert subject(expression)(x.numpy(), order).tolist() == pytest.approx(want, rel=1e-14)


def test_autograd_agrees_at_the_same_precision():
    x = torch.linspace(0.5, 90, 50, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(autoact.get("hill")(x, **HILL).sum(), x)
    want = torch.from_numpy(subject("hill", **HILL)(x.detach().numpy(), 1).copy())
    torch.testing.assert_close(slope, want, rtol=1e-13, atol=0)
