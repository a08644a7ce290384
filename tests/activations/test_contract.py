"""The contract every registered activation keeps."""

import copy
import math
import pickle

import mpmath
import pytest
import sympy as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import autoact
from autoact.activations import X

BUILT_IN = autoact.list_activations()
KINKS = {
    "relu": (0.0,), "leaky_relu": (0.0,), "prelu": (0.0,), "elu": (0.0,), "selu": (0.0,), "celu": (0.0,),
    "hardtanh": (-1.0, 1.0), "relu_squared": (0.0,), "relu6": (0.0, 6.0), "abs": (0.0,), "threshold": (0.0,),
    "hardsigmoid": (-3.0, 3.0), "hardswish": (-3.0, 3.0), "softshrink": (-0.5, 0.5),
    "hardshrink": (-0.5, 0.5),
    "leaky_relu_squared": (0.0,), "polyrelu": (0.0,), "finer": (0.0,),
    "clamped_swish": (7.0,), "clamped_offset": (-7.0, 7.0),
    "softsign": (0.0,), "penalized_tanh": (0.0,), "hill": (0.0,), "smelu": (-1.0, 1.0), "xielu": (0.0,),
}  # fmt: skip


def exact(name, x, **parameters):
    """Value in 40 digits at one point."""
    act = autoact.get(name)
    values = {**act.defaults, **parameters}
    # SymPy takes gigabytes for an exact power whose exponent is a fraction of 2^52
    as_number = (lambda v: sp.Float(v, 60)) if name == "hill" else sp.Rational
    numbers = {s: as_number(values[s.name]) for s in act.symbols}
    number = act.elementary.xreplace({X: as_number(x), **numbers})
    return mpmath.mpf(sp.N(number, 40))


POINTS = [
    s * v
    for s in (-1.0, 1.0)
    for v in (0.0, 1e-12, 1e-4, 0.01, 0.3, 0.9999, 1.0, 2.5, 7.0, 19.9, 40.0, 700.0, 1e4)
]
EXTREMES = [s * v for s in (-1.0, 1.0) for v in (0.0, 1e-4, 20.0, 1e4)]


def test_the_first_eighteen_and_many_more():
    assert len(BUILT_IN) >= 40
    assert set(BUILT_IN) >= {
        "identity", "relu", "leaky_relu", "prelu", "elu", "selu", "celu", "softplus", "sigmoid",
        "tanh", "silu", "swish", "gelu", "gelu_tanh", "mish", "sin", "hardtanh", "relu_squared",
    }  # fmt: skip


@pytest.mark.parametrize("name", BUILT_IN)
def test_float64_against_high_precision(name):
    x = torch.tensor(POINTS, dtype=torch.float64)
    for point, got in zip(POINTS, autoact.get(name)(x).tolist(), strict=True):
        want = exact(name, point)
        assert got == float(want) or abs(got - want) <= 1e-12 * max(abs(want), 1e-3), point


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(BUILT_IN),
    x=st.floats(-50, 50),
    scale=st.floats(0.05, 8.0),
)
def test_float64_anywhere_with_any_parameters(name, x, scale):
    act = autoact.get(name)
    parameters = {p.name: max(scale, p.lower) for p in act.parameters if p.learnable}
    got = float(act(torch.tensor(x, dtype=torch.float64), **parameters))
    want = exact(name, x, **parameters)
    assert abs(got - want) <= 1e-12 * max(abs(want), 1e-3)


@pytest.mark.parametrize("name", BUILT_IN)
def test_float32_against_high_precision(name):
    x = torch.tensor(POINTS, dtype=torch.float32)
    for point, got in zip(x.tolist(), autoact.get(name)(x).tolist(), strict=True):
        want = exact(name, point)
        if abs(want) > torch.finfo(torch.float32).max:
            assert math.isinf(got)
            continue
        allowed = 4e-7 * max(abs(want), 1)
        if name == "finer":  # the argument of its sine, about x², is rounded itself
            allowed += torch.finfo(torch.float32).eps * point**2
        assert abs(got - want) <= allowed, point


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", BUILT_IN)
def test_half_precision_is_float32_rounded_once(name, dtype):
    x = torch.linspace(-20, 20, 4001).to(dtype)
    act = autoact.get(name)
    assert torch.equal(act(x), act(x.float()).to(dtype))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("name", BUILT_IN)
def test_a_mixture_of_one_is_the_function_that_a_model_has_already(name, dtype):
    """Of torch where torch has it, so that a start keeps a model bit for bit, rounding included."""
    x = torch.linspace(-20, 20, 4001).to(dtype)
    plain = autoact.get(name).module() or autoact.get(name)
    expected = plain.to(dtype)(x) if isinstance(plain, torch.nn.Module) else plain(x)
    assert torch.equal(autoact.mixture(x, torch.ones(1), (name,)), expected)


def twin_of(name):
    module = autoact.get(name).module()
    assert module is not None
    return module


TWINS = [n for n in BUILT_IN if autoact.get(n).module() is not None]
# softplus: torch switches to the identity at 20, where log(1 + exp(-20)) = 2e-9 is left;
# hardsigmoid: torch's slope in float64 is 1/6 rounded to float32
TORCH_TOLERANCE = {"softplus": 3e-9, "hardsigmoid": 3e-8}


@pytest.mark.parametrize("name", TWINS)
def test_equal_to_torchs_twin(name):
    act, twin = autoact.get(name), twin_of(name).double()
    x = torch.cat([torch.linspace(-30, 30, 6001, dtype=torch.float64), torch.tensor(EXTREMES).double()])
    tolerance = TORCH_TOLERANCE.get(name, 1e-14)
    z = x.clone().requires_grad_()
    torch.testing.assert_close(act(x), twin(x), rtol=tolerance, atol=tolerance)
    (own,) = torch.autograd.grad(act(z).sum(), z)
    (theirs,) = torch.autograd.grad(twin(z).sum(), z)
    torch.testing.assert_close(own, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", sorted(set(TWINS) & set(KINKS)))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_exactly_torchs_value_and_gradient_at_kinks(name, dtype):
    act, twin = autoact.get(name), twin_of(name).to(dtype)
    for f in (act, lambda x: autoact.mixture(x, torch.ones(1, dtype=dtype), (name,))):
        for kink in (*KINKS[name], *([-0.0] if 0.0 in KINKS[name] else [])):
            x = torch.tensor([kink], dtype=dtype, requires_grad=True)
            assert torch.equal(f(x), twin(x))
            own, theirs = (torch.autograd.grad(g(x).sum(), x)[0] for g in (f, twin))
            assert torch.equal(own, theirs)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", BUILT_IN)
def test_finite_value_and_gradients_at_extremes(name, dtype):
    act = autoact.get(name)
    theta = [torch.tensor(p.default, dtype=torch.float64).requires_grad_() for p in act.parameters]
    inner = torch.float64 if dtype == torch.float64 else torch.float32
    for point in EXTREMES:
        exact_value = float(exact(name, point))
        if abs(exact_value) > torch.finfo(dtype).max:
            continue
        x = torch.tensor([point], dtype=dtype, requires_grad=True)
        named = {p.name: t.to(inner) for p, t in zip(act.parameters, theta, strict=True)}
        weights = torch.ones(1, dtype=inner, requires_grad=True)
        for y in (act(x, **named), autoact.mixture(x, weights, (name,), {name: named})):
            assert torch.isfinite(y).all()
            gradients = torch.autograd.grad(y.sum(), [x, *theta], retain_graph=True, allow_unused=True)
            for g, learnable in zip(gradients, [True, *(p.learnable for p in act.parameters)], strict=True):
                assert torch.isfinite(g).all() if g is not None else not learnable, point


def _away_from_kinks(name):
    x = torch.linspace(-3.07, 3.11, 12, dtype=torch.float64)
    assert all((x - k).abs().min() > 0.02 for k in KINKS.get(name, ()))
    return x.requires_grad_()


@pytest.mark.parametrize("name", BUILT_IN)
def test_gradcheck_and_gradgradcheck(name):
    act = autoact.get(name)
    x = _away_from_kinks(name)
    theta = [
        torch.tensor(1.3 * p.default + 0.1, dtype=torch.float64).requires_grad_() for p in act.parameters
    ]

    def value(x, *theta):
        return act(x, **{p.name: t for p, t in zip(act.parameters, theta, strict=True)})

    def mixed(x, *theta):
        named = {p.name: t for p, t in zip(act.parameters, theta, strict=True)}
        return autoact.mixture(x, torch.full((1,), 0.7, dtype=torch.float64), (name,), {name: named})

    for f in (value, mixed):
        assert torch.autograd.gradcheck(f, (x, *theta))
        assert torch.autograd.gradgradcheck(f, (x, *theta))


@pytest.mark.parametrize("name", BUILT_IN)
def test_pickle_and_deepcopy(name):
    act, x = autoact.get(name), torch.randn(9)
    for other in (pickle.loads(pickle.dumps(act)), copy.deepcopy(act)):
        assert other.name == name
        assert torch.equal(other(x), act(x))


class Holder(torch.nn.Module):
    def __init__(self, name):
        super().__init__()
        self.name = name

    def forward(self, x):
        return autoact.mixture(x, torch.ones(1), (self.name,))


# what traces them is one code for all: fast are a corner, a jump, two pieces with parameters, and no kink
TRACED_FAST = {"relu", "hardshrink", "xielu", "gelu"}
TRACED = [pytest.param(name, marks=[pytest.mark.slow] * (name not in TRACED_FAST)) for name in BUILT_IN]


@pytest.mark.parametrize("name", TRACED)
def test_export(name):
    layer, x = Holder(name), torch.randn(3, 4)
    program = torch.export.export(layer, (x,), strict=False)
    torch.testing.assert_close(program.module()(x), layer(x))


@pytest.mark.slow
@pytest.mark.parametrize("name", TRACED)
def test_compile_without_graph_breaks_and_exact_at_kinks(name):
    torch._dynamo.reset()
    x = torch.tensor([*KINKS.get(name, (0.0,)), -0.0, 0.3, -2.0, 5.0], requires_grad=True)
    layer = Holder(name)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), layer(x), rtol=1e-6, atol=1e-6)
    own, theirs = (torch.autograd.grad(f(x).sum(), x)[0] for f in (compiled, layer))
    torch.testing.assert_close(own, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILT_IN)
def test_the_value_itself_compiles(name):
    torch._dynamo.reset()
    act, x = autoact.get(name), torch.randn(5)
    compiled = torch.compile(
        lambda t: autoact.mixture(t, torch.ones(1), (name,)), fullgraph=True, backend="eager"
    )
    torch.testing.assert_close(compiled(x), act(x))


@pytest.mark.parametrize("name", BUILT_IN)
def test_described(name):
    act = autoact.get(name)
    assert act.description
    assert act.latex
    assert act.family
    for p in act.parameters:
        assert p.lower <= p.default <= p.upper
        assert math.isfinite(p.default)
        assert not p.learnable or p.search is not None
