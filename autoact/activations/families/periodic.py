"""Activations with a period."""

import sympy as sp

from autoact.activations._activation import Parameter
from autoact.activations._registry import activation
from autoact.activations.primitives import absolute, limited

SIREN = "Sitzmann et al. 2020, arXiv:2006.09661"


@activation(family="periodic", reference=SIREN)
def sin(x: sp.Symbol) -> sp.Expr:
    """Sine: periodic, with derivatives of every order like itself."""
    return sp.sin(x)


@activation(family="periodic", reference=SIREN)
def cosine(x: sp.Symbol) -> sp.Expr:
    """Cosine: even, so gradients cancel on average."""
    return sp.cos(x)


@activation(family="periodic", reference=SIREN)
def sinusoid(x: sp.Symbol, omega: sp.Symbol = Parameter(default=1.0, search=(0.3, 30.0))) -> sp.Expr:
    """Sine of learnable frequency."""
    return sp.sin(omega * x)


@activation(family="periodic", reference="Ziyin et al. 2020, arXiv:2006.08195")
def snake(x: sp.Symbol, alpha: sp.Symbol = Parameter(default=1.0, lower=1e-3, search=(0.3, 10.0))) -> sp.Expr:
    """A line with a wave on it: extrapolates periodic data."""
    return x + sp.sin(alpha * x) ** 2 / alpha


@activation(family="periodic", reference="Noel et al. 2021, arXiv:2108.12943")
def gcu(x: sp.Symbol) -> sp.Expr:
    """Input times its cosine: a single unit solves exclusive or."""
    return x * sp.cos(x)


@activation(family="periodic", reference="Liu et al. 2023, arXiv:2312.02434")
def finer(x: sp.Symbol, omega: sp.Symbol = Parameter(default=1.0, search=(0.3, 30.0))) -> sp.Expr:
    """Sine whose frequency grows with the input's size: biases choose the frequencies of an image."""
    v = limited(x, 1e18)  # far beyond what a sine can tell apart
    return sp.sin(omega * (absolute(v) + 1) * v)
