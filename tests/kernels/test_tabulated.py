"""The table of cubics: as exact as the formula, at kinks and sharp parameters too; the same bits always."""

import random
from dataclasses import replace
from typing import Any

import pytest
import torch

import autoact
from autoact.kernels import c_library, compiled, eager, plan_for
from autoact.kernels.tabulated import LEAST_ELEMENTS, has_table

BUILT_IN = tuple(n for n in autoact.list_activations() if autoact.get(n).family not in ("test", "example"))
SHARP = {"beta": 50.0, "omega": 30.0, "n": 20.0}
SIZE = LEAST_ELEMENTS + 4099
KINKS = [0.0, -0.0, *(s * v for s in (-1, 1) for v in (0.5, 1.0, 2.0, 3.0, 6.0, 15.99, 16.0, 16.01))]

pytestmark = pytest.mark.skipif(c_library._compiler() is None, reason="no C compiler on the path")


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def drawn(seed, sharp):
    """A random large set with weights, some of them 0, and parameters near their defaults or sharp."""
    rng = random.Random(seed)
    names = BUILT_IN[:32] if seed == 0 else tuple(rng.sample(BUILT_IN, 40))
    plan = plan_for(names)
    weights = torch.softmax(torch.tensor([rng.gauss(0, 2) for _ in names]), 0)
    weights[rng.sample(range(len(names)), 5)] = 0.0
    values = [
        SHARP[p.name] if p.name in sharp else p.default * (1 if seed == 0 else rng.uniform(0.9, 1.1))
        for _, p in plan.slots
    ]
    return plan, weights, torch.tensor(values)


def inputs(kind):
    torch.manual_seed(3)
    if kind == "uniform":
        x = torch.rand(SIZE) * 12 - 6
    else:
        x = torch.randn(SIZE) * (5 if kind == "wide" else 1)
    x[:: SIZE // 200][: len(KINKS)] = torch.tensor(KINKS)
    x[7::5] = 0.0
    return x, torch.randn(SIZE)


def both_ways(plan, x, weights, parameters, grad):
    """Return (y, grad_x, grad_w, grad_p) by the table and by the formula at every element."""
    table = compiled.kernels_for(plan, x)
    assert table is not None
    assert table.table is not None
    direct = replace(table, table=None)
    return [
        (
            compiled.forward(k, x, weights, parameters, 0),
            *compiled.backward(k, x, weights, parameters, grad, 0),
        )
        for k in (table, direct)
    ]


@pytest.mark.parametrize(
    ("seed", "sharp", "kind"),
    [(0, (), "normal"), (0, ("beta",), "wide"), (1, tuple(SHARP), "wide"), (1, (), "uniform")],
)
def test_table_is_as_exact_as_the_formula(seed, sharp, kind):
    """Values and slopes within 1e-6 of max(|value|, |x|, 1); sums as near to float64 as the formula's."""
    plan, weights, parameters = drawn(seed, sharp)
    x, grad = inputs(kind)
    (y, grad_x, *sums), (y_direct, grad_x_direct, *sums_direct) = both_ways(
        plan, x, weights, parameters, grad
    )
    size = x.abs().clamp(min=1)
    assert ((y - y_direct).abs() <= 1e-6 * torch.maximum(y_direct.abs(), size)).all()
    slope, slope_direct = grad_x / grad, grad_x_direct / grad
    assert ((slope - slope_direct).abs() <= 1e-6 * torch.maximum(slope_direct.abs(), size)).all()
    pair: Any = torch.func.vjp(plan.coefficients, weights.double(), parameters.double())
    coefficients, pull = pair
    exact = pull(eager.backward(plan, x.double(), coefficients, grad.double(), 0)[1])
    scale = pull(eager.backward(plan, x.double(), coefficients, grad.double().abs(), 0)[1])
    for got, formula, want, total in zip(sums, sums_direct, exact, scale, strict=True):
        limit = 2 * (formula - want).abs() + 1e-5 * want.abs() + 1e-6 * total.abs() + 1e-3
        assert ((got - want).abs() <= limit).all()


def test_values_that_no_interval_holds_are_those_of_the_formula():
    """Infinity, NaN, 800, and x = 0, bit for bit; the rest of a block is as before."""
    plan, weights, parameters = drawn(0, ())
    x, grad = inputs("normal")
    special = torch.tensor([float("inf"), -float("inf"), float("nan"), 800.0, -800.0, 16.5, 0.0])
    x[1000:1007] = special
    (y, grad_x, *_), (y_direct, grad_x_direct, *_) = both_ways(plan, x, weights, parameters, grad)
    torch.testing.assert_close(y[1000:1007], y_direct[1000:1007], rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(grad_x[1000:1007], grad_x_direct[1000:1007], rtol=1e-7, atol=0, equal_nan=True)
    assert torch.equal(y[1007:].isfinite(), y_direct[1007:].isfinite())
    assert y[1007:].isfinite().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(dtype):
    plan, weights, parameters = drawn(0, ())
    x, grad = (t.to(dtype) for t in inputs("normal"))
    (y, grad_x, *_), (y_direct, grad_x_direct, *_) = both_ways(plan, x, weights, parameters, grad)
    step = torch.finfo(dtype).eps
    finite = y_direct.isfinite()
    assert torch.equal(y[~finite].isnan(), y_direct[~finite].isnan())
    torch.testing.assert_close(y[finite], y_direct[finite], rtol=step, atol=1e-5)
    torch.testing.assert_close(grad_x[finite], grad_x_direct[finite], rtol=step, atol=1e-5)


def test_the_same_bits_at_every_run_and_with_two_threads():
    plan, weights, parameters = drawn(0, ())
    x, grad = inputs("wide")
    first, _ = both_ways(plan, x, weights, parameters, grad)
    for run in range(20):
        torch.set_num_threads(1 + run % 2)
        again, _ = both_ways(plan, x, weights, parameters, grad)
        assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_short_formulas_small_tensors_and_weights_per_channel_need_no_table():
    eight = plan_for(("identity", "relu", "leaky_relu", "prelu", "elu", "silu", "gelu", "tanh"))
    assert not has_table(eight)
    plan, weights, parameters = drawn(0, ())
    kernels = compiled.kernels_for(plan, torch.empty(SIZE))
    assert kernels is not None
    large, small = torch.empty(SIZE), torch.empty(LEAST_ELEMENTS - 1)
    assert kernels.for_tensor(large, weights, parameters) is kernels.table
    assert kernels.for_tensor(small, weights, parameters) is kernels
    assert kernels.for_tensor(large, weights.expand(4, -1), parameters) is kernels
