"""Search for formulas of a curve: of numbers, of a function, or of what a layer learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from autoact.activations import get
from autoact.analysis import normal_quantiles
from autoact.errors import ConfigurationError
from autoact.invention._fits import Curve
from autoact.invention._found_formula import Formulas, restricted
from autoact.invention._front import fitted
from autoact.invention._trees import Array
from autoact.spaces import Requirements
from autoact.training import LearnedShape


def find_formulas(
    values: Array, slopes: Array, nodes: Array | None = None, *, require: Mapping[str, Any] | None = None
) -> Formulas:
    r"""Return formulas for a curve, complexity against error. Nothing is drawn by chance.

    About 700 expressions and 2,500 sums of two are tried, each with up to three inner constants, and with and
    without a multiple of x. Those that are one function are one formula.

    Args:
        values: Of the curve, (N,).
        slopes: Its derivative, (N,).
        nodes: Equally likely inputs, (N,); quantiles of N(0, 1) by default.
        require: What a search space may require of candidates, such as {"smoothness": 2, "bounded": True}.

    Returns:
        The front of formulas.

    Raises:
        DataError: Too few inputs, a number that is not finite, or a constant.
        ConfigurationError: A wrong requirement, one that no formula meets, or arrays of different lengths.

    Example:
        >>> z = normal_quantiles(65)
        >>> found = find_formulas(z * np.exp(-z * z), (1 - 2 * z * z) * np.exp(-z * z), z)
        >>> found.chosen.source, found.chosen.error < 1e-6
        ('beta*x*exp(-beta**2*x**2)', True)
    """
    z = normal_quantiles(len(values)) if nodes is None else np.asarray(nodes, dtype=float)
    y, dy = np.asarray(values, dtype=float), np.asarray(slopes, dtype=float)
    if not z.shape == y.shape == dy.shape or z.ndim != 1:
        raise ConfigurationError(
            f"values, slopes and nodes are of one length; got {y.shape}, {dy.shape} and {z.shape}."
        )
    Requirements(**dict(require or {}))  # refuses what is wrong before the search
    order = np.argsort(z)
    return restricted(fitted(Curve(z[order], y[order], dy[order])), require)


def curve_of(shape: LearnedShape) -> Curve:
    """Return values and slopes of a learned shape at the pre-activations that its layer saw.

    Args:
        shape: From `FreeShapes`.

    Raises:
        DataError: Nothing was seen, or it is not finite or constant.
    """
    z = shape.quantiles.double().detach().clone().requires_grad_()
    y = get(shape.choice.activation)(z, **shape.choice.parameters)
    (slope,) = torch.autograd.grad(y.sum(), z)
    return Curve(z.detach().numpy(), y.detach().numpy(), slope.numpy())
