"""From raw numbers that an optimizer may move anywhere to parameter values within their bounds.

At raw = 0 the value is the initial one exactly, in every dtype: each form adds to the initial value a
difference that is 0 there without rounding (log2(1 + 2^0) is exactly 1).
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

from autoact.activations import Parameter


def natural(raw: Tensor, initial: Tensor, parameters: tuple[Parameter, ...]) -> Tensor:
    r"""Return parameter values in natural units.

    Unbounded: $v_0 + \rho$; bounded below: $\ell + (v_0 - \ell) \log_2(1 + 2^\rho)$; above: its mirror
    image; bounded on both sides: a sigmoid range through $v_0$. A parameter that is not learnable keeps its
    initial value and gets no gradient.

    Args:
        raw: (P,) or (C, P), any real numbers.
        initial: (P,) or (C, P), values at raw = 0.
        parameters: P of them.

    Returns:
        Values of the shape of `initial`, all within their bounds.

    Example:
        >>> natural(torch.tensor([-9.0]), torch.tensor([1.0]), (Parameter(default=1.0, lower=0.0),))
        tensor([0.0028])
    """
    if not any(parameter.learnable for parameter in parameters):
        return initial
    if not torch.compiler.is_compiling() and all(math.isinf(parameter.upper) for parameter in parameters):
        return _together(raw, initial, parameters)
    columns = zip(raw.unbind(-1), initial.unbind(-1), parameters, strict=True)
    return torch.stack([_value(r, start, parameter) for r, start, parameter in columns], -1)


def _together(raw: Tensor, initial: Tensor, parameters: tuple[Parameter, ...]) -> Tensor:
    """Return the same values as column by column, bit for bit, with a third of the calls of torch."""
    lower, floor, free, above = _masks(parameters, initial.dtype, initial.device)
    gap = initial - floor
    span = above * (gap + (gap == 0))
    moved = span * (torch.logaddexp2(raw, raw.new_zeros(())) - 1)
    return (initial + (free * raw + moved)).clamp(min=lower)


@lru_cache(maxsize=256)
def _masks(
    parameters: tuple[Parameter, ...], dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return lower bounds, the same with 0 for none, and which parameters move freely or above a bound."""
    lower = [p.lower if p.learnable else -math.inf for p in parameters]
    floor = [low if math.isfinite(low) else 0.0 for low in lower]
    above = [float(math.isfinite(low)) for low in lower]
    free = [float(p.learnable) - a for p, a in zip(parameters, above, strict=True)]
    with torch.inference_mode(False):
        rows = torch.tensor([lower, floor, free, above], dtype=dtype, device=device)
    first, second, third, fourth = rows.unbind()
    return first, second, third, fourth


def _value(raw: Tensor, initial: Tensor, parameter: Parameter) -> Tensor:
    low, high = parameter.lower > -math.inf, parameter.upper < math.inf  # torch.compile cannot trace isfinite
    if not parameter.learnable:
        return initial
    if not low and not high:
        return initial + raw
    if low and high:
        value = _between(raw, initial, parameter.lower, parameter.upper)
    elif low:
        value = _above(raw, initial, parameter.lower)
    else:
        value = -_above(-raw, -initial, -parameter.upper)
    return value.clamp(parameter.lower, parameter.upper)


def _above(raw: Tensor, initial: Tensor, lower: float) -> Tensor:
    gap = initial - lower
    span = gap + (gap == 0)  # a start on the bound moves off it at unit speed
    return initial + span * (torch.logaddexp2(raw, raw.new_zeros(())) - 1)


def _between(raw: Tensor, initial: Tensor, lower: float, upper: float) -> Tensor:
    center = torch.logit((initial - lower) / (upper - lower), eps=1e-3)
    return initial + (upper - lower) * (torch.sigmoid(raw + center) - torch.sigmoid(center))
