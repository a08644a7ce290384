"""Facts against closed forms and the published table."""

import math

import numpy as np
import pytest
import sympy as sp
from scipy.stats import norm

import autoact
from autoact import analysis

KAPPA = {
    "relu": 2.0, "leaky_relu": 1.960788, "prelu": 1.36, "elu": 1.151897, "selu": 1.103942, "silu": 1.517929,
    "gelu": 1.823403, "mish": 1.507447, "tanh": 1.265820, "sigmoid": 1.050220, "softplus": 1.173516,
    "sin": 1.543081, "relu_squared": math.pi, "identity": 1.0,
}  # fmt: skip


@pytest.mark.parametrize(("name", "kappa"), KAPPA.items())
def test_gradient_noise(name, kappa):
    assert analysis.gradient_noise(name) == pytest.approx(kappa, abs=1e-6)


@pytest.mark.parametrize("slope", [0.0, 0.1, 0.37, 0.5])
def test_gradient_noise_of_rectifiers_in_closed_form(slope):
    want = 2 * (1 + slope**2) / (1 + slope) ** 2
    assert analysis.gradient_noise("prelu", slope=slope) == pytest.approx(want, abs=1e-11)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 2.5])
def test_gradient_noise_of_elu_in_closed_form(alpha):
    want = (0.5 + alpha**2 * math.exp(2) * norm.cdf(-2)) / (0.5 + alpha * math.exp(0.5) * norm.cdf(-1)) ** 2
    assert analysis.gradient_noise("elu", alpha=alpha) == pytest.approx(want, abs=1e-10)


def test_gradient_noise_of_sin_in_closed_form():
    assert analysis.gradient_noise("sin") == pytest.approx(math.cosh(1), abs=1e-11)


def test_even_functions_have_infinite_noise():
    assert analysis.gradient_noise({"relu": 1.0, "identity": -0.5}) == math.inf


def test_measured_and_shifted_distributions():
    sample = np.random.default_rng(0).normal(0.4, 1.5, 400_000)
    shifted = analysis.gradient_noise("gelu", mean=0.4, std=1.5)
    assert analysis.gradient_noise("gelu", sample=sample) == pytest.approx(shifted, rel=5e-3)
    assert shifted != pytest.approx(analysis.gradient_noise("gelu"), rel=1e-2)


@pytest.mark.parametrize("beta", [0.3, 1.0, 400.0])
def test_quadrature_follows_sharp_parameters(beta):
    """At beta = 400 softplus bends within 1/100 of a standard deviation."""
    got = analysis.mean("softplus", beta=beta)
    z = np.linspace(-12, 12, 4_000_001)
    want = np.trapezoid(np.logaddexp(0, beta * z) / beta * norm.pdf(z), z)
    assert got == pytest.approx(want, abs=1e-9)


def test_moments():
    assert analysis.mean("relu") == pytest.approx(1 / math.sqrt(2 * math.pi), abs=1e-12)
    assert analysis.variance("relu") == pytest.approx(0.5 - 1 / (2 * math.pi), abs=1e-12)
    assert analysis.gain("relu") == pytest.approx(math.sqrt(2), abs=1e-12)
    assert analysis.slope_moment("relu") == pytest.approx(0.5, abs=1e-12)
    assert analysis.variance("selu") == pytest.approx(1.0, abs=1e-9)


SMOOTH = {
    "relu": 0, "leaky_relu": 0, "prelu": 0, "hardtanh": 0, "selu": 0, "elu": 1, "celu": 1, "relu_squared": 1,
    "silu": math.inf, "gelu": math.inf, "gelu_tanh": math.inf, "softplus": math.inf, "tanh": math.inf,
    "hardswish": 0, "hardsigmoid": 0, "relu6": 0, "abs": 0, "softsign": 1, "smelu": 1, "xielu": 1,
    "squareplus": math.inf, "hardshrink": -1, "gaussian": math.inf,
    "mish": math.inf, "sin": math.inf, "sigmoid": math.inf, "swish": math.inf, "identity": math.inf,
}  # fmt: skip


@pytest.mark.parametrize(("name", "k"), SMOOTH.items())
def test_smoothness(name, k):
    assert analysis.smoothness(name) == k


def test_smoothness_depends_on_parameters():
    assert analysis.smoothness("elu", alpha=0.5) == 0
    assert analysis.smoothness("prelu", slope=1.0) == math.inf
    assert analysis.smoothness("celu", alpha=0.5) == 1
    assert analysis.smoothness("hardtanh", min_val=-3.0, max_val=0.25) == 0


def test_smoothness_of_mixtures():
    assert analysis.smoothness({"silu": 0.5, "relu": 0.5}) == 0
    assert analysis.smoothness({"silu": 0.5, "elu": 0.5}) == 1
    assert analysis.smoothness({"relu": 1.0, "identity": -0.5, "leaky_relu": 0.0}) == 0


GROWTH = {
    "bounded": {
        "arctan", "cosine", "erf", "gaussian", "hardsigmoid", "hardtanh", "hill", "isru", "penalized_tanh",
        "relu6", "scaled_tanh", "sigmoid", "sin", "sinusoid", "softsign", "tanh",
        "clamped_offset", "clamped_swish", "finer", "garf",
    },
    "superlinear": {"exp", "leaky_relu_squared", "polyrelu", "relu_squared", "xielu"},
}  # fmt: skip


@pytest.mark.parametrize("name", autoact.list_activations())
def test_growth(name):
    want = next((kind for kind, names in GROWTH.items() if name in names), "linear")
    assert analysis.growth(name) == want


@pytest.mark.parametrize(("n", "k"), [(1.0, 0), (1.5, 1), (2.0, 1), (3.0, 2)])
def test_smoothness_of_hill(n, k):
    assert analysis.smoothness("hill", n=n) == k


@pytest.mark.slow
def test_conditions_with_pieces_of_their_own():
    x = sp.Symbol("x", real=True)
    capped = sp.Piecewise((x, sp.Max(x, 0) < 2), (2, True))  # min(x, 2)
    assert analysis.kinks(capped) == [2.0]
    assert analysis.smoothness(capped) == 0
    clipped = sp.Max(-1, sp.Min(1, x))
    leaky = sp.Piecewise((clipped, clipped > 0), (clipped / 4, True))
    assert analysis.kinks(leaky) == [-1.0, 0.0, 1.0]
    assert analysis.value_range(leaky) == (-0.25, 1.0)
