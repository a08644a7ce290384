"""The input times a gate that the input opens."""

import sympy as sp
import torch.nn.functional as F
from torch import nn

from autoact.activations._activation import Parameter
from autoact.activations._registry import activation
from autoact.activations._twins import Twin
from autoact.activations.primitives import limited, sigmoid, softplus, tanh

EXPANDED = "Huang 2024, arXiv:2405.20768"


@activation(
    family="self-gated",
    reference="Elfwing et al. 2018, arXiv:1702.03118",
    twin=Twin(module=nn.SiLU, functions=(F.silu,)),
)
def silu(x: sp.Symbol) -> sp.Expr:
    """Input gated by its own sigmoid."""
    return x * sigmoid(x)


@activation(
    family="self-gated",
    reference="Ramachandran et al. 2017, arXiv:1710.05941",
    twin=Twin(module=nn.SiLU, when={"beta": 1.0}),
)
def swish(x: sp.Symbol, beta: sp.Symbol = Parameter(default=1.0, search=(0.3, 10.0))) -> sp.Expr:
    """Input gated by a sigmoid of learnable steepness."""
    return x * sigmoid(beta * limited(x, 1e12))


@activation(
    family="self-gated",
    reference="Hendrycks and Gimpel 2016, arXiv:1606.08415",
    twin=Twin(module=nn.GELU, fixed={"approximate": "none"}, functions=(F.gelu,)),
)
def gelu(x: sp.Symbol) -> sp.Expr:
    """Input gated by the normal distribution function."""
    return x * (1 + sp.erf(x / sp.sqrt(2))) / 2


@activation(
    family="self-gated",
    reference="Hendrycks and Gimpel 2016, arXiv:1606.08415",
    twin=Twin(module=nn.GELU, fixed={"approximate": "tanh"}),
)
def gelu_tanh(x: sp.Symbol) -> sp.Expr:
    """GELU with a tanh in place of erf."""
    v = limited(x, 1e4)
    return x * (1 + tanh(sp.sqrt(2 / sp.pi) * (v + 0.044715 * v**3))) / 2


@activation(
    family="self-gated",
    reference="Misra 2019, arXiv:1908.08681",
    twin=Twin(module=nn.Mish, functions=(F.mish,)),
)
def mish(x: sp.Symbol) -> sp.Expr:
    """Input gated by the tanh of its softplus."""
    return x * tanh(softplus(x))


@activation(family="self-gated", reference="Nag et al. 2021, arXiv:2108.09598")
def serf(x: sp.Symbol) -> sp.Expr:
    """Input gated by the error function of its softplus."""
    return x * sp.erf(softplus(x))


@activation(family="self-gated", reference="Roy et al. 2019, arXiv:1901.05894")
def lisht(x: sp.Symbol) -> sp.Expr:
    """Input times its tanh: even, so gradients cancel on average."""
    return x * tanh(x)


@activation(family="self-gated", reference="Ma et al. 2021, arXiv:2009.04759")
def acon_c(
    x: sp.Symbol,
    p1: sp.Symbol = Parameter(default=1.0, search=(-1.0, 2.0)),
    p2: sp.Symbol = Parameter(default=0.0, search=(-1.0, 1.0)),
    beta: sp.Symbol = Parameter(default=1.0, search=(0.1, 10.0)),
) -> sp.Expr:
    """Smooth maximum of p1·x and p2·x; beta says how smooth."""
    return (p1 - p2) * x * sigmoid(beta * (p1 - p2) * limited(x, 1e12)) + p2 * x


@activation(family="self-gated", reference=EXPANDED)
def xsilu(x: sp.Symbol, alpha: sp.Symbol = Parameter(default=0.0, search=(-0.3, 1.0))) -> sp.Expr:
    """SiLU whose gate runs from -alpha to 1 + alpha."""
    return x * ((1 + 2 * alpha) * sigmoid(x) - alpha)


@activation(family="self-gated", reference=EXPANDED)
def xgelu(x: sp.Symbol, alpha: sp.Symbol = Parameter(default=0.0, search=(-0.3, 1.0))) -> sp.Expr:
    """GELU whose gate runs from -alpha to 1 + alpha."""
    return x * ((1 + 2 * alpha) * (1 + sp.erf(x / sp.sqrt(2))) / 2 - alpha)


@activation(family="self-gated", reference="OpenAI 2025, gpt-oss model card, arXiv:2508.10925")
def clamped_swish(
    x: sp.Symbol,
    alpha: sp.Symbol = Parameter(default=1.702, lower=1e-3, search=(0.5, 3.0)),
    limit: sp.Symbol = Parameter(default=7.0, lower=0.0, learnable=False),
) -> sp.Expr:
    """Swish that is constant above a limit: of the gate in a clamped SwiGLU."""
    return sp.Piecewise(
        (x * sigmoid(alpha * limited(x, 1e12)), x < limit), (limit * sigmoid(alpha * limit), True)
    )
