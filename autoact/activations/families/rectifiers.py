"""Piecewise-linear activations, and their square."""

import sympy as sp
import torch
import torch.nn.functional as F
from torch import nn

from autoact.activations._activation import Parameter
from autoact.activations._registry import activation
from autoact.activations._twins import Twin
from autoact.activations.primitives import clip, neg, pos


@activation(family="linear", twin=Twin(module=nn.Identity, convertible=False))
def identity(x: sp.Symbol) -> sp.Expr:
    """The input itself: a linear layer."""
    return x


@activation(
    family="rectifier",
    reference="Nair and Hinton 2010, Rectified linear units improve restricted Boltzmann machines",
    twin=Twin(module=nn.ReLU, functions=(F.relu, torch.relu, torch.Tensor.relu)),
)
def relu(x: sp.Symbol) -> sp.Expr:
    """Positive part."""
    return pos(x)


@activation(
    family="rectifier",
    reference="Maas et al. 2013, Rectifier nonlinearities improve neural network acoustic models",
    twin=Twin(module=nn.LeakyReLU, settings={"negative_slope": "negative_slope"}, functions=(F.leaky_relu,)),
)
def leaky_relu(x: sp.Symbol, negative_slope: sp.Symbol = Parameter(default=0.01, learnable=False)) -> sp.Expr:
    """Rectifier with a small fixed slope below 0."""
    return pos(x) + negative_slope * neg(x)


@activation(
    family="rectifier",
    reference="He et al. 2015, arXiv:1502.01852",
    twin=Twin(module=nn.PReLU, settings={"slope": "weight"}),
)
def prelu(x: sp.Symbol, slope: sp.Symbol = Parameter(default=0.25, search=(0.0, 0.5))) -> sp.Expr:
    """Rectifier with a learnable slope below 0."""
    return pos(x) + slope * neg(x)


@activation(
    family="rectifier",
    reference="Collobert 2004, Large scale machine learning (thesis)",
    twin=Twin(
        module=nn.Hardtanh, settings={"min_val": "min_val", "max_val": "max_val"}, functions=(F.hardtanh,)
    ),
)
def hardtanh(
    x: sp.Symbol,
    min_val: sp.Symbol = Parameter(default=-1.0, learnable=False),
    max_val: sp.Symbol = Parameter(default=1.0, learnable=False),
) -> sp.Expr:
    """The input limited to an interval."""
    return clip(x, min_val, max_val)


@activation(family="rectifier", reference="So et al. 2021, arXiv:2109.08668")
def relu_squared(x: sp.Symbol) -> sp.Expr:
    """Square of the positive part; grows faster than linearly."""
    return pos(x) ** 2


@activation(
    family="rectifier", reference="So et al. 2021, arXiv:2109.08668, with a slope as of Maas et al. 2013"
)
def leaky_relu_squared(
    x: sp.Symbol, negative_slope: sp.Symbol = Parameter(default=0.5, search=(0.0, 1.0))
) -> sp.Expr:
    """Square of a leaky rectifier: never negative, and no unit is dead; grows faster than linearly."""
    return pos(x) ** 2 + negative_slope**2 * neg(x) ** 2


@activation(family="rectifier", reference="Zhuo et al. 2024, arXiv:2411.03884")
def polyrelu(
    x: sp.Symbol,
    first: sp.Symbol = Parameter(default=1 / 3, search=(0.0, 1.0)),
    second: sp.Symbol = Parameter(default=1 / 3, search=(0.0, 1.0)),
    third: sp.Symbol = Parameter(default=1 / 3, search=(0.0, 1.0)),
) -> sp.Expr:
    """Polynomial of the positive part with learnable coefficients; grows faster than linearly."""
    return pos(x) * (first + pos(x) * (second + pos(x) * third))
