"""Bounded and bell-shaped activations, and those of dose-response curves."""

import sympy as sp
import torch.nn.functional as F
from torch import nn

from autoact.activations._activation import Parameter
from autoact.activations._registry import activation
from autoact.activations._twins import Twin
from autoact.activations.primitives import absolute, guard, limited, neg, pos, select
from autoact.activations.primitives import sigmoid as _sigmoid
from autoact.activations.primitives import softplus as _softplus
from autoact.activations.primitives import tanh as _tanh


@activation(
    family="sigmoidal",
    reference="Bergstra et al. 2009, Quadratic polynomials learn better image features",
    twin=Twin(module=nn.Softsign, functions=(F.softsign,)),
)
def softsign(x: sp.Symbol) -> sp.Expr:
    """Saturates like 1/x, slower than tanh."""
    return x / (1 + absolute(x))


@activation(
    family="sigmoidal",
    reference="torch.nn.LogSigmoid",
    twin=Twin(module=nn.LogSigmoid, functions=(F.logsigmoid,)),
)
def logsigmoid(x: sp.Symbol) -> sp.Expr:
    """Logarithm of the logistic function: linear below, 0 above."""
    return -_softplus(-x)


@activation(family="sigmoidal", reference="Abramowitz and Stegun 1964, 4.4")
def arctan(x: sp.Symbol) -> sp.Expr:
    """Inverse tangent, from -π/2 to π/2."""
    return sp.atan(x)


@activation(family="sigmoidal", reference="Abramowitz and Stegun 1964, 7.1")
def erf(x: sp.Symbol) -> sp.Expr:
    """Error function, from -1 to 1."""
    return sp.erf(x)


@activation(family="sigmoidal", reference="LeCun et al. 1998, Efficient BackProp")
def scaled_tanh(
    x: sp.Symbol,
    a: sp.Symbol = Parameter(default=1.7159, search=(0.3, 3.0)),
    n: sp.Symbol = Parameter(default=2 / 3, search=(0.2, 3.0)),
) -> sp.Expr:
    """Tanh of learnable height and steepness."""
    return a * _tanh(n * x)


@activation(family="sigmoidal", reference="Xu et al. 2016, arXiv:1602.05980")
def penalized_tanh(x: sp.Symbol) -> sp.Expr:
    """Tanh, a quarter as high below 0."""
    return _tanh(pos(x)) + _tanh(neg(x)) / 4


@activation(family="sigmoidal", reference="Carlile et al. 2017, arXiv:1710.09967")
def isru(x: sp.Symbol, alpha: sp.Symbol = Parameter(default=1.0, lower=1e-3, search=(0.1, 10.0))) -> sp.Expr:
    """Inverse square root unit: saturates at ±1/sqrt(alpha)."""
    v = limited(x, 1e10)
    return v / sp.sqrt(1 + alpha * v**2)


@activation(family="bell", reference="Broomhead and Lowe 1988, Radial basis functions")
def gaussian(x: sp.Symbol) -> sp.Expr:
    """Bell of width 1/sqrt(2): even, so gradients cancel on average."""
    return sp.exp(-(x**2))


@activation(family="bell", reference="Ramasinghe and Lucey 2021, arXiv:2111.15135")
def garf(x: sp.Symbol, sigma: sp.Symbol = Parameter(default=1.0, lower=1e-2, search=(0.05, 3.0))) -> sp.Expr:
    """Bell of learnable width: even; a narrow one fits fine detail, as in images and radiance fields."""
    return sp.exp(-(limited(x, 1e10) ** 2) / (2 * sigma**2))


@activation(
    family="dose-response", reference="Hill 1910, The possible effects of the aggregation of haemoglobin"
)
def hill(
    x: sp.Symbol,
    K: sp.Symbol = Parameter(default=1.0, lower=1e-3, search=(0.1, 10.0)),
    n: sp.Symbol = Parameter(default=2.0, lower=1.0, search=(1.0, 6.0)),
) -> sp.Expr:
    """Fraction bound at concentration x: 0 below 0, half at K, steeper with n."""
    inside = guard(x > 1e-18, x, sp.Float(1e-18))  # below, the square of 1/x would overflow
    return select(x > 0, _sigmoid(n * sp.log(inside / K)), sp.Integer(0))
