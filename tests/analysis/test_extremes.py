"""Limits, ranges, Lipschitz constants and kinks against dense grids, on random parameters and expressions."""

import math
import random

import numpy as np
import pytest
import sympy as sp
import torch

import autoact
from autoact import analysis
from autoact.activations import X
from autoact.analysis._subject import subject
from autoact.errors import ConfigurationError

GRID = np.unique(
    np.concatenate([s * np.logspace(-7, 2, 40_001) for s in (-1, 1)] + [np.linspace(-9, 9, 90_001)])
)
APART = np.diff(GRID) > 1e-6  # closer values round to wrong slopes
TESTED = autoact.list_activations()


def random_parameters(name: str, seed: int) -> dict[str, float]:
    draw = random.Random(f"{name}{seed}")
    ranges = {p.name: p.search for p in autoact.get(name).parameters}
    return {key: draw.uniform(*pair) for key, pair in ranges.items() if pair is not None}


@pytest.mark.parametrize("name", TESTED)
def test_range_and_lipschitz_contain_and_touch_a_grid(name):
    for seed in range(2):
        parameters = random_parameters(name, seed)
        of = subject(name, **parameters)
        y, low, high = of(GRID), *analysis.value_range(name, **parameters)
        assert low <= y.min() + 1e-12
        assert y.max() <= high + 1e-12
        if math.isfinite(low):
            assert y.min() - low <= 0.02 * (1 + abs(low))  # an end may be reached at infinity only
        if math.isfinite(high):
            assert high - y.max() <= 0.02 * (1 + abs(high))
        constant, slopes = analysis.lipschitz(name, **parameters), np.abs(np.diff(y) / np.diff(GRID))[APART]
        assert slopes.max() <= constant * (1 + 1e-5)
        if math.isfinite(constant):
            assert constant <= np.abs(of(GRID, 1)).max() * (1 + 1e-3)
        if not parameters:
            break


KNOWN = [
    (X * sp.exp(-X), (-math.inf, math.exp(-1)), math.inf, (-math.inf, 0.0)),
    (X**2 * sp.exp(-X), (0.0, math.inf), math.inf, (math.inf, 0.0)),
    (sp.log(1 + X**2), (0.0, math.inf), 1.0, (math.inf, math.inf)),
    (X * sp.sin(X), (-math.inf, math.inf), math.inf, (math.nan, math.nan)),
    (sp.log(sp.cosh(X)) - sp.Abs(X), (-math.log(2), 0.0), 1.0, (-math.log(2), -math.log(2))),
    (sp.Max(-2, sp.Min(X, 5)), (-2.0, 5.0), 1.0, (-2.0, 5.0)),
    (sp.exp(-1e4 * (X - 0.3) ** 2), (0.0, 1.0), 100 * math.sqrt(2 / math.e), (0.0, 0.0)),
    (sp.sqrt(sp.Abs(X)), (0.0, math.inf), math.inf, (math.inf, math.inf)),
    (3 * sp.atan(X / 1000), (-1.5 * math.pi, 1.5 * math.pi), 0.003, (-1.5 * math.pi, 1.5 * math.pi)),
    (-(X**2), (-math.inf, 0.0), math.inf, (-math.inf, -math.inf)),
    (sp.sign(X) * 2, (-2.0, 2.0), math.inf, (-2.0, 2.0)),
    ((1 + X**2) ** sp.Rational(-1, 20), (0.0, 1.0), 0.0483543686689, (0.0, 0.0)),
]


@pytest.mark.parametrize(("expression", "ends", "constant", "far"), KNOWN, ids=lambda v: str(v)[:24])
def test_expressions_in_closed_form(expression, ends, constant, far):
    assert analysis.value_range(expression) == pytest.approx(ends, abs=1e-12)
    assert analysis.lipschitz(expression) == pytest.approx(constant, rel=1e-9)
    assert analysis.limits(expression) == pytest.approx(far, abs=1e-12, nan_ok=True)


def test_torch_callables_have_them_too():
    assert analysis.limits(torch.erf) == (-1.0, 1.0)
    assert analysis.lipschitz(torch.erf) == pytest.approx(2 / math.sqrt(math.pi), rel=1e-9)
    assert analysis.value_range(lambda x: x * torch.sigmoid(x))[0] == pytest.approx(
        -0.278464542761, abs=1e-11
    )
    assert analysis.value_range(torch.square) == (0.0, math.inf)
    assert analysis.growth(torch.special.i0e) == "bounded"
    facts = analysis.facts(torch.special.i0e)
    assert (facts.smoothness, facts.kinks) == (None, None)


def test_growth_of_unbounded_oscillation_and_logarithms():
    growths = {
        X * sp.cos(3 * X): "linear",
        sp.log(1 + X**2): "sublinear",
        X * sp.log(1 + X**2): "superlinear",
    }
    for expression, kind in growths.items():
        assert analysis.growth(expression) == kind


def numeric_smoothness(f, at: float) -> int:
    """Count derivatives that agree, by one-sided polynomial fits: a reference that knows no formula."""
    h = np.linspace(0.0, 0.08, 400)
    right, left = (np.polynomial.Polynomial.fit(s * h, f(at + s * (h + 1e-13)), 7).convert() for s in (1, -1))
    same = [abs(a - b) < 2e-3 * (1 + abs(a)) for a, b in zip(right.coef[:3], left.coef[:3], strict=True)]
    return next((k for k, equal in enumerate(same) if not equal), 3) - 1


SMOOTH = [
    lambda u: u,
    sp.tanh,
    lambda u: sp.sin(u / 20),
    lambda u: sp.exp(-(u**2)),
    lambda u: sp.log(1 + sp.exp(u)),
]
BENT = [
    lambda u: sp.Max(u, 0),
    sp.Abs,
    lambda u: u * sp.Abs(u),
    lambda u: sp.Max(u, 0) ** 3,
    lambda u: sp.Piecewise((sp.exp(u) - 1, u < 0), (u, True)),
    lambda u: sp.Min(sp.Max(u, -1), 1),
]


@pytest.mark.parametrize(
    "seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(4, 12))]
)
def test_smoothness_and_kinks_of_random_sums(seed):
    """Bends at distinct random places inside smooth functions: each place keeps the order of its own bend."""
    draw = random.Random(seed)
    expression = sp.Integer(0)
    for place in (-1.3, 0.4, 2.1):
        inner = draw.choice(BENT)(X - sp.Rational(place))
        expression += sp.Float(draw.uniform(0.5, 2)) * draw.choice(SMOOTH)(inner)
    of = subject(expression)
    places = analysis.kinks(expression)
    orders = [numeric_smoothness(of, at) for at in places]
    assert all(order < 3 for order in orders)
    assert analysis.smoothness(expression, up_to=3) == min(orders, default=math.inf)
    beside = [
        at
        for at in (-1.3, 0.4, 2.1, -2.3, -0.3, -0.6, 1.4, 1.1, 3.1)
        if min(abs(at - p) for p in places) > 0.1
    ]
    assert all(numeric_smoothness(of, at) >= 2 for at in beside)


def test_kinks_cancel():
    assert analysis.smoothness({"elu": 1.0, "relu": 0.0}) == 1
    both = sp.Rational(1, 2) * (sp.Max(X, 0) - sp.Max(-X, 0))
    assert analysis.kinks(both) == []
    assert analysis.smoothness(both) == math.inf


PIECES = [
    ("relu6", {}, [0.0, 6.0], [0.0, 1.0, 0.0]),
    ("hardtanh", {"min_val": -2.5, "max_val": 0.5}, [-2.5, 0.5], [0.0, 1.0, 0.0]),
    ("softshrink", {"lambd": 0.3}, [-0.3, 0.3], [1.0, 0.0, 1.0]),
    ("prelu", {"slope": 1.0}, [], [1.0]),
    ("hardsigmoid", {}, [-3.0, 3.0], [0.0, 1 / 6, 0.0]),
]


@pytest.mark.parametrize(("name", "parameters", "kinks", "slopes"), PIECES, ids=[p[0] for p in PIECES])
def test_linear_pieces(name, parameters, kinks, slopes):
    found = analysis.linear_pieces(name, **parameters)
    assert found.kinks.tolist() == pytest.approx(kinks)
    assert found.slopes.tolist() == pytest.approx(slopes)


@pytest.mark.parametrize("seed", range(6))
def test_pieces_of_random_mixtures_are_the_function(seed):
    draw = random.Random(seed)
    names = draw.sample(
        ["relu", "leaky_relu", "prelu", "hardtanh", "relu6", "abs", "identity", "softshrink"], 4
    )
    mixture = {name: draw.uniform(-1, 1) for name in names}
    found, z = analysis.linear_pieces(mixture), np.linspace(-8, 8, 4001)
    index = np.searchsorted(found.kinks, z)
    want = subject(mixture)(z)
    np.testing.assert_allclose(found.slopes[index] * z + found.intercepts[index], want, rtol=0, atol=1e-12)


def test_smooth_functions_have_no_pieces():
    with pytest.raises(ConfigurationError, match=r"silu is not piecewise linear.*geometry.curvature"):
        analysis.linear_pieces("silu")
    with pytest.raises(ConfigurationError, match="torch callable"):
        analysis.linear_pieces(torch.relu)
