"""Piecewise-linear stand-ins for smooth activations."""

import sympy as sp
import torch.nn.functional as F
from torch import nn

from autoact.activations._activation import Parameter
from autoact.activations._registry import activation
from autoact.activations._twins import Twin
from autoact.activations.primitives import absolute, clip, neg, pos


@activation(
    family="rectifier",
    reference="Krizhevsky 2010, Convolutional deep belief networks on CIFAR-10",
    twin=Twin(module=nn.ReLU6, functions=(F.relu6,)),
)
def relu6(x: sp.Symbol) -> sp.Expr:
    """Positive part up to 6."""
    return clip(x, 0, 6)


@activation(family="rectifier", reference="Karnewar 2018, arXiv:1804.05965")
def abs(x: sp.Symbol) -> sp.Expr:
    """Absolute value: even, so gradients cancel on average."""
    return absolute(x)


@activation(
    family="rectifier",
    reference="torch.nn.Threshold",
    twin=Twin(module=nn.Threshold, settings={"threshold": "threshold", "value": "value"}),
)
def threshold(
    x: sp.Symbol,
    threshold: sp.Symbol = Parameter(default=0.0, learnable=False),
    value: sp.Symbol = Parameter(default=0.0, learnable=False),
) -> sp.Expr:
    """The input above a threshold, a constant below."""
    return sp.Piecewise((x, x > threshold), (value, True))


@activation(
    family="sigmoidal",
    reference="Courbariaux et al. 2015, arXiv:1511.00363",
    twin=Twin(module=nn.Hardsigmoid, functions=(F.hardsigmoid,)),
)
def hardsigmoid(x: sp.Symbol) -> sp.Expr:
    """Line from 0 at -3 to 1 at 3."""
    return clip(x, -3, 3) / 6 + sp.Rational(1, 2)


@activation(
    family="self-gated",
    reference="Howard et al. 2019, arXiv:1905.02244",
    twin=Twin(module=nn.Hardswish, functions=(F.hardswish,)),
)
def hardswish(x: sp.Symbol) -> sp.Expr:
    """Input gated by the hard sigmoid."""
    return x * (clip(x, -3, 3) + 3) / 6


@activation(family="rectifier", reference="Shamir et al. 2020, arXiv:2010.09931")
def smelu(x: sp.Symbol, beta: sp.Symbol = Parameter(default=1.0, lower=1e-3, search=(0.1, 4.0))) -> sp.Expr:
    """Rectifier with a parabola of half-width beta in place of the kink."""
    t = pos(2 * beta + neg(x - beta))  # not pos(x + beta) - pos(x - beta), which is 0 for large x
    return t**2 / (4 * beta) + pos(x - beta)


@activation(family="linear", reference="OpenAI 2025, gpt-oss model card, arXiv:2508.10925")
def clamped_offset(
    x: sp.Symbol,
    limit: sp.Symbol = Parameter(default=7.0, lower=0.0, learnable=False),
    offset: sp.Symbol = Parameter(default=1.0, learnable=False),
) -> sp.Expr:
    """The input limited on both sides, plus 1: of what the gate of a clamped SwiGLU is multiplied by."""
    return clip(x, -limit, limit) + offset
