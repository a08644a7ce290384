"""Which piece of its activation every neuron uses."""

from __future__ import annotations

import torch
from torch import Tensor

from autoact.analysis import linear_pieces
from autoact.analysis.subject import Analyzable
from autoact.errors import UnsupportedInputError
from autoact.geometry.hyperplanes import Numbers, read_layer, to_float64


def activation_patterns(
    weight: Numbers, bias: Numbers | None, x: Numbers, activation: Analyzable = "relu"
) -> Tensor:
    """Return which piece of the activation each neuron of a layer is on, computed in float64.

    Args:
        weight: (neurons, inputs).
        bias: (neurons,); None: zeros.
        x: Inputs (N, inputs), or one (inputs,).
        activation: Anything that `analysis.linear_pieces` takes.

    Returns:
        (N, neurons), or (neurons,) for one input. With one kink bool: True above it, for ReLU w · x + b > 0.
        Otherwise int64: the number of kinks below.

    Raises:
        UnsupportedInputError: Wrong shapes.
        ConfigurationError: An activation that is not piecewise linear.

    Example:
        >>> weight = [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]
        >>> activation_patterns(weight, None, [2.0, 3.0])
        tensor([ True, False,  True, False])
    """
    w, b, _ = read_layer(weight, bias)
    points = to_float64(x)
    if points.ndim not in (1, 2) or points.shape[-1] != w.shape[1]:
        raise UnsupportedInputError(
            f"x has shape {points.shape}; weight {w.shape} takes ({w.shape[1]},) or (N, {w.shape[1]})."
        )
    kinks = linear_pieces(activation).kinks
    above = (points @ w.T + b)[..., None] > kinks
    return torch.from_numpy(above[..., 0] if len(kinks) == 1 else above.sum(-1))
