"""Moments against mpmath on random parameters, means and deviations, sharp ones among them."""

import math
import random
from itertools import pairwise

import mpmath
import numpy as np
import pytest
import sympy as sp
import torch

import autoact
from autoact import analysis
from autoact.activations import X
from autoact.analysis._centers import centers
from autoact.analysis._subject import subject
from autoact.errors import ConfigurationError

SHARP = [
    ("swish", {"beta": 1000.0}),
    ("hill", {"n": 50.0, "K": 0.7}),
    ("celu", {"alpha": 0.001}),
    ("acon_c", {"p1": 0.3, "p2": -2.0, "beta": 300.0}),
    ("softplus", {"beta": 700.0}),
    ("squareplus", {"b": 1e-3}),
    ("smelu", {"beta": 1e-3}),
    ("isru", {"alpha": 900.0}),
    ("scaled_tanh", {"a": 3.0, "n": 500.0}),
    ("sinusoid", {"omega": 40.0}),
]


def reference(expression: sp.Expr, mean: float, std: float, breaks: tuple[float, ...]) -> float:
    """E[f(z)] by mpmath's own quadrature, panels shrinking towards the breaks."""
    f = sp.lambdify(X, expression, modules="mpmath")
    with mpmath.workdps(25):
        reach = [mean + 12 * std * s for s in (-1, -0.5, 0, 0.5, 1)]
        near = [b + s * std * 10.0**-k for b in breaks for k in range(1, 7) for s in (-1, 1)]
        edges = [e for e in (*near, *breaks) if reach[0] < e < reach[-1]]
        points = sorted({mpmath.mpf(e) for e in (*edges, *reach)})
        density = lambda z: mpmath.npdf(z, mean, std)  # noqa: E731
        return float(sum(mpmath.quad(lambda z: f(z) * density(z), [a, b]) for a, b in pairwise(points)))


@pytest.mark.parametrize(("name", "parameters"), SHARP, ids=[name for name, _ in SHARP])
@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), pytest.param(2.7, 0.05, marks=pytest.mark.slow)])
def test_sharp_functions(name, parameters, mean, std):
    of = subject(name, **parameters)
    breaks = tuple(float(c) for c in centers(of))
    want = reference(of.elementary**2, mean, std, breaks)
    assert analysis.second_moment(name, mean, std, **parameters) == pytest.approx(want, rel=1e-9, abs=1e-12)
    slope = sp.diff(of.elementary, X) if name != "squareplus" else of.derivative().elementary
    want = reference(slope**2, mean, std, breaks)
    assert analysis.slope_moment(name, mean, std, **parameters) == pytest.approx(want, rel=1e-9, abs=1e-12)


SMOOTH_OR_NOT = ["elu", "gelu", "mish", "xielu", "snake", "hardswish", "softshrink", "logsigmoid"]


@pytest.mark.parametrize("name", SMOOTH_OR_NOT)
def test_random_means_and_deviations(name):
    draw = random.Random(name)
    for _ in range(2):
        mean, std = draw.uniform(-4, 4), 10 ** draw.uniform(-2, 1.5)
        of = subject(name)
        want = reference(of.elementary, mean, std, tuple(centers(of)))
        assert analysis.mean(name, mean, std) == pytest.approx(want, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("std", [1e-6, 1e-3, 30.0, 1e4])
def test_rectifier_far_off_in_closed_form(std):
    """E[relu(z)²] = (m² + s²) Φ(m/s) + m s φ(m/s)."""
    for m in (-3.0 * std, 0.2 * std, 7.0 * std):
        t = mpmath.mpf(m) / std
        want = float((m * m + std * std) * mpmath.ncdf(t) + m * std * mpmath.npdf(t))
        assert analysis.second_moment("relu", m, std) == pytest.approx(want, rel=1e-10)


def test_noise_of_rare_slopes_is_finite_and_of_even_functions_infinite():
    """relu under N(-m, 1) has κ = 1/Φ(-m), however rare."""
    for m in (3.0, 9.0, 30.0):
        want = float(1 / mpmath.ncdf(-m))
        assert analysis.gradient_noise("relu", mean=-m) == pytest.approx(want, rel=1e-9)
    for name in ("abs", "gaussian", "cosine", "lisht"):
        assert analysis.gradient_noise(name) == math.inf
    shifted = sp.Abs(X - 0.3) ** 3
    assert analysis.gradient_noise(shifted, mean=0.3, std=2.0) == math.inf
    assert analysis.gradient_noise(shifted, mean=0.3001, std=2.0) < math.inf


def test_exponential_in_closed_form():
    for std in (0.1, 1.0, 5.0, 9.0):
        assert analysis.second_moment("exp", std=std) == pytest.approx(math.exp(2 * std**2), rel=1e-10)
    assert analysis.second_moment("exp", std=25.0) == math.inf


def test_bends_at_unforeseen_places():
    """The center of a spike is found in the expression, wherever it is."""
    for at, width in ((0.37, 1e-4), (-2.2, 1e-3)):
        spike = sp.exp(-(((X - at) / width) ** 2))
        density = mpmath.npdf(at, 0, mpmath.sqrt(1 + width**2 / 2))  # of two normals' convolution
        want = float(density * mpmath.sqrt(mpmath.pi) * width)
        assert analysis.mean(spike) == pytest.approx(want, rel=1e-9)


def test_variance_map_slope_is_the_maps_derivative():
    """Against a central difference of q -> gain² E[φ(sqrt(q) z)²], and the known unstable ones."""
    for name in ("silu", "gelu", "mish", "hardswish", "tanh", "elu"):
        gain, h = analysis.gain(name), 1e-4
        up, down = (gain**2 * analysis.second_moment(name, std=math.sqrt(1 + s * h)) for s in (1, -1))
        assert analysis.variance_map_slope(name) == pytest.approx((up - down) / (2 * h), abs=1e-6)
    known = {"silu": 1.17, "gelu": 1.14, "mish": 1.08, "hardswish": 1.22, "relu": 1.0}
    for name, slope in known.items():
        assert analysis.variance_map_slope(name) == pytest.approx(slope, abs=0.005)


def test_whatever_stands_for_a_function_gives_the_same_facts():
    want = analysis.gradient_noise("elu", alpha=0.4)
    layer = autoact.AutoActivation(["elu"], settings={"elu": {"alpha": 0.4}})
    same = [
        torch.nn.ELU(0.4),
        layer,
        autoact.FixedActivation("elu", alpha=0.4),
        lambda x: torch.nn.functional.elu(x, 0.4),
        sp.Piecewise((X, X > 0), (sp.Rational(2, 5) * (sp.exp(X) - 1), True)),
    ]
    assert [analysis.gradient_noise(each) for each in same] == pytest.approx([want] * 5, rel=1e-6)


def test_opaque_functions_are_integrated_as_exactly():
    def sharp(x):
        return x * torch.sigmoid(800.0 * (x - 0.123))

    want = analysis.second_moment(X * autoact.activations.primitives.sigmoid(800 * (X - 0.123)))
    assert analysis.second_moment(sharp) == pytest.approx(want, rel=1e-9)


@pytest.mark.parametrize("std", [0.0, -1.0, math.nan, math.inf])
def test_impossible_deviations(std):
    with pytest.raises(ConfigurationError, match="std finite and above 0"):
        analysis.gain("relu", std=std)


@pytest.mark.parametrize("sample", [[], [1.0, math.nan]])
def test_impossible_samples(sample):
    with pytest.raises(ConfigurationError, match="Give at least one, all finite"):
        analysis.gain("relu", sample=np.array(sample))


def test_not_a_function():
    with pytest.raises(ConfigurationError, match="Cannot analyze 3"):
        analysis.gain(3)
    with pytest.raises(ConfigurationError, match=r"has the symbols \['x', 'y'\]"):
        analysis.gain(X + sp.Symbol("y"))


@pytest.mark.parametrize("seed", range(4))
def test_slopes_of_branches_are_constants_in_float64(seed):
    draw = random.Random(seed)
    at, left, right = draw.uniform(-1, 1), draw.gauss(0, 2), draw.gauss(0, 2)
    act = sp.Piecewise((right * (X - at), X > at), (left * (X - at), True))
    below = 0.5 * math.erfc((0.3 - at) / (1.7 * math.sqrt(2)))
    want = left**2 * below + right**2 * (1 - below)
    assert analysis.slope_moment(act, mean=0.3, std=1.7) == pytest.approx(want, rel=1e-12)
    assert analysis.lipschitz(act) == max(abs(left), abs(right))
