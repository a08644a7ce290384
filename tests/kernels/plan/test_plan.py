"""The two steps of a plan: a shared basis, and lowering to shared kernels."""

import mpmath
import pytest
import sympy as sp
import torch

import autoact
from autoact.activations import DEFAULT_CANDIDATES, X, compile_source, function_source
from autoact.activations.primitives import elementary, lowered
from autoact.kernels import plan_for
from autoact.kernels.plan import grows_faster_than_linearly

BUILT_IN = autoact.list_activations()


def test_linear_parameters_share_one_basis_function():
    plan = plan_for(("identity", "relu", "leaky_relu", "prelu", "elu", "silu", "gelu", "tanh"))
    assert len(plan.basis.functions) == 6
    assert plan.basis.inner == ()


def test_parameters_inside_functions_reach_the_kernel():
    plan = plan_for(("celu", "softplus", "elu"))
    assert [plan.slots[i][0] for i in plan.basis.inner] == ["celu", "softplus"]


def test_order_of_candidates_does_not_matter():
    x, w = torch.randn(50), torch.rand(3)
    a = autoact.mixture(x, w, ("elu", "selu", "relu"))
    b = autoact.mixture(x, w.flip(0), ("relu", "selu", "elu"))
    torch.testing.assert_close(a, b)


@pytest.mark.parametrize("name", BUILT_IN)
def test_one_hot_is_that_activation_bit_for_bit(name):
    x = torch.linspace(-6, 6, 1001)
    w = torch.tensor([float(n == name) for n in BUILT_IN])
    own = autoact.get(name).module() or autoact.get(name)
    assert torch.equal(autoact.mixture(x, w, BUILT_IN), own(x))


POINTS = [s * v for s in (-1, 1) for v in (0.0, 1e-6, 1e-4, 0.01, 0.3, 1.0, 3.0, 8.0, 15.0, 60.0)]


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("order", [0, 1])
def test_lowered_form_against_high_precision(name, order):
    """4e-7 of max(|y|, 1) in float32; the slope of x times a gate carries the gate's rounding times x."""
    act = autoact.get(name)
    numbers = {s: sp.Float(p.default) for s, p in zip(act.symbols, act.parameters, strict=True)}
    expression = sp.diff(act.expression, X, order).xreplace(numbers)
    f = compile_source("f", function_source("f", ["x"], [lowered(expression)]))
    x = torch.tensor(POINTS, dtype=torch.float32)
    got = f(x)[0]
    got = got if isinstance(got, torch.Tensor) else torch.full_like(x, got)
    exact = elementary(expression)
    for point, value in zip(x.tolist(), got.tolist(), strict=True):
        want = mpmath.mpf(exact.subs(X, sp.Rational(point)).evalf(30))
        assert abs(value - want) <= 4e-7 * max(abs(want), 1, order * abs(point)), (name, point)


def test_lowered_kernels_are_shared():
    plan = plan_for(("sigmoid", "tanh", "softplus", "silu", "mish"))
    direct = plan.source([plan.value])
    shared = plan.source([plan.value], lowered=True)
    assert sum(direct.count(f) for f in ("sigmoid(", "tanh(", "softplus(")) >= 5
    assert shared.count("torch.exp(-torch.abs(x))") == 1
    assert not any(f in shared for f in ("torch.sigmoid(", "torch.tanh(", "F.softplus("))


def test_the_default_candidates_need_no_mask():
    assert not any(grows_faster_than_linearly(f) for f in plan_for(DEFAULT_CANDIDATES).basis.functions)


@pytest.mark.parametrize("name", BUILT_IN)
def test_growth_bound_is_safe(name):
    from autoact.analysis import growth

    fast = any(grows_faster_than_linearly(f) for f in plan_for((name,)).basis.functions)
    assert fast or growth(name) != "superlinear"
