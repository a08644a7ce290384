"""Activations that pull small inputs to zero."""

import sympy as sp
import torch.nn.functional as F
from torch import nn

from autoact.activations._activation import Parameter
from autoact.activations._registry import activation
from autoact.activations._twins import Twin
from autoact.activations.primitives import pos, step, tanh


@activation(
    family="shrink",
    reference="Beck and Teboulle 2009, A fast iterative shrinkage-thresholding algorithm",
    twin=Twin(module=nn.Softshrink, settings={"lambd": "lambd"}, functions=(F.softshrink,)),
)
def softshrink(
    x: sp.Symbol, lambd: sp.Symbol = Parameter(default=0.5, lower=0.0, learnable=False)
) -> sp.Expr:
    """Input moved towards 0 by lambd, 0 in between."""
    return pos(x - lambd) - pos(-x - lambd)


@activation(
    family="shrink",
    reference="Donoho and Johnstone 1994, Ideal spatial adaptation by wavelet shrinkage",
    twin=Twin(module=nn.Hardshrink, settings={"lambd": "lambd"}, functions=(F.hardshrink,)),
)
def hardshrink(
    x: sp.Symbol, lambd: sp.Symbol = Parameter(default=0.5, lower=0.0, learnable=False)
) -> sp.Expr:
    """Input outside [-lambd, lambd], 0 inside; jumps."""
    return x * (step(x - lambd) + step(-x - lambd))


@activation(
    family="shrink",
    reference="torch.nn.Tanhshrink",
    twin=Twin(module=nn.Tanhshrink, functions=(F.tanhshrink,)),
)
def tanhshrink(x: sp.Symbol) -> sp.Expr:
    """What tanh leaves of the input."""
    return x - tanh(x)
