"""Bounded activations."""

import sympy as sp
import torch
import torch.nn.functional as F
from torch import nn

from autoact.activations._registry import activation
from autoact.activations._twins import Twin
from autoact.activations.primitives import sigmoid as _sigmoid
from autoact.activations.primitives import tanh as _tanh


@activation(
    family="sigmoidal",
    reference="Cybenko 1989, Approximation by superpositions of a sigmoidal function",
    twin=Twin(module=nn.Sigmoid, functions=(F.sigmoid, torch.sigmoid, torch.Tensor.sigmoid)),
)
def sigmoid(x: sp.Symbol) -> sp.Expr:
    """Logistic function, from 0 to 1."""
    return _sigmoid(x)


@activation(
    family="sigmoidal",
    reference="LeCun et al. 1998, Efficient BackProp",
    twin=Twin(module=nn.Tanh, functions=(F.tanh, torch.tanh, torch.Tensor.tanh)),
)
def tanh(x: sp.Symbol) -> sp.Expr:
    """Hyperbolic tangent, from -1 to 1."""
    return _tanh(x)
