"""Activations that are linear above 0 and saturate exponentially below."""

import sympy as sp
import torch
import torch.nn.functional as F
from torch import nn

from autoact.activations._activation import Parameter
from autoact.activations._registry import activation
from autoact.activations._twins import Twin
from autoact.activations.primitives import expm1, limited, neg, pos
from autoact.activations.primitives import softplus as _softplus

SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


@activation(
    family="exponential",
    reference="Clevert et al. 2016, arXiv:1511.07289",
    twin=Twin(module=nn.ELU, settings={"alpha": "alpha"}, functions=(F.elu,)),
)
def elu(x: sp.Symbol, alpha: sp.Symbol = Parameter(default=1.0, lower=0.0, search=(0.1, 3.0))) -> sp.Expr:
    """Linear above 0, saturating at -alpha below."""
    return pos(x) + alpha * expm1(neg(x))


@activation(
    family="exponential",
    reference="Klambauer et al. 2017, arXiv:1706.02515",
    twin=Twin(module=nn.SELU, functions=(F.selu, torch.selu)),
)
def selu(x: sp.Symbol) -> sp.Expr:
    """ELU with the scale and alpha that keep mean 0 and variance 1."""
    return SELU_SCALE * pos(x) + SELU_SCALE * SELU_ALPHA * expm1(neg(x))


@activation(
    family="exponential",
    reference="Barron 2017, arXiv:1704.07483",
    twin=Twin(module=nn.CELU, settings={"alpha": "alpha"}, functions=(F.celu, torch.celu)),
)
def celu(x: sp.Symbol, alpha: sp.Symbol = Parameter(default=1.0, lower=1e-3, search=(0.1, 3.0))) -> sp.Expr:
    """ELU whose slope is continuous for every alpha."""
    return pos(x) + alpha * expm1(neg(x) / alpha)


@activation(
    family="exponential",
    reference="Dugas et al. 2001, Incorporating second-order functional knowledge for better option pricing",
    twin=Twin(module=nn.Softplus, settings={"beta": "beta"}, functions=(F.softplus,)),
)
def softplus(
    x: sp.Symbol, beta: sp.Symbol = Parameter(default=1.0, lower=1e-3, search=(0.3, 10.0))
) -> sp.Expr:
    """Smooth positive part; beta sharpens the bend."""
    return _softplus(beta * x) / beta


@activation(family="exponential", reference="Clevert et al. 2016, arXiv:1511.07289")
def exp(x: sp.Symbol) -> sp.Expr:
    """Exponential; grows faster than linearly."""
    return sp.exp(x)


@activation(family="exponential", reference="Barron 2021, arXiv:2112.11687")
def squareplus(
    x: sp.Symbol, b: sp.Symbol = Parameter(default=4.0, lower=1e-3, search=(0.1, 10.0))
) -> sp.Expr:
    """Softplus without transcendental functions, written so that it does not cancel below 0."""
    v = limited(x, 1e18)
    return pos(x) + b / 2 / (sp.sqrt(v**2 + b) + pos(v) - neg(v))


@activation(family="exponential", reference="Huang and Schlag 2024, arXiv:2411.13010")
def xielu(
    x: sp.Symbol,
    alpha_p: sp.Symbol = Parameter(default=0.8, lower=0.0, search=(0.1, 2.0)),
    alpha_n: sp.Symbol = Parameter(default=0.8, lower=0.0, search=(0.1, 2.0)),
    beta: sp.Symbol = Parameter(default=0.5, learnable=False),
) -> sp.Expr:
    """Integral of a trainable ELU-like slope; quadratic above 0."""
    return alpha_p * pos(x) ** 2 + alpha_n * expm1(neg(x)) - alpha_n * neg(x) + beta * x
