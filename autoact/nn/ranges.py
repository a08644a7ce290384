"""From raw numbers that an optimizer may move anywhere to parameter values within their bounds.

At raw = 0 the value is the initial one exactly, in every dtype: each form adds to the initial value a
difference that is 0 there without rounding (log2(1 + 2^0) is exactly 1).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from autoact.activations import Parameter


@dataclass(frozen=True, slots=True)
class Forms:
    """Which parameters (P of them) have bounds on which side."""

    below: tuple[bool, ...]
    above: tuple[bool, ...]
    both: tuple[bool, ...]

    @classmethod
    def of(cls, parameters: tuple[Parameter, ...]) -> "Forms":
        """Sort parameters by their bounds."""
        low = [math.isfinite(p.lower) for p in parameters]
        high = [math.isfinite(p.upper) for p in parameters]
        pairs = list(zip(low, high, strict=True))
        return cls(
            below=tuple(a and not b for a, b in pairs),
            above=tuple(b and not a for a, b in pairs),
            both=tuple(a and b for a, b in pairs),
        )


def natural(raw: Tensor, initial: Tensor, lower: Tensor, upper: Tensor, forms: Forms) -> Tensor:
    r"""Return parameter values in natural units.

    Unbounded: $v_0 + \rho$; bounded below: $\ell + (v_0 - \ell) \log_2(1 + 2^\rho)$; above: its mirror
    image; bounded on both sides: a sigmoid range through $v_0$.

    Args:
        raw: (P,) or (C, P), any real numbers.
        initial: (P,) or (C, P), values at raw = 0.
        lower: (P,), -inf where there is no bound.
        upper: (P,), inf where there is none.
        forms: Which of them are finite.

    Returns:
        Values of the shape of `initial`, all within their bounds.
    """
    value = initial + raw
    if any(forms.below):
        value = torch.where(lower.isfinite() & upper.isinf(), _from(raw, initial, lower), value)
    if any(forms.above):
        value = torch.where(upper.isfinite() & lower.isinf(), -_from(-raw, -initial, -upper), value)
    if any(forms.both):
        value = torch.where(lower.isfinite() & upper.isfinite(), _between(raw, initial, lower, upper), value)
    return value.clamp(lower, upper)


def _from(raw: Tensor, initial: Tensor, lower: Tensor) -> Tensor:
    gap = initial - lower.nan_to_num(neginf=0.0, posinf=0.0)
    span = torch.where(gap > 0, gap, torch.ones_like(gap))
    return initial + span * (torch.logaddexp2(raw, torch.zeros_like(raw)) - 1)


def _between(raw: Tensor, initial: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    low, high = lower.nan_to_num(neginf=-1.0, posinf=-1.0), upper.nan_to_num(neginf=1.0, posinf=1.0)
    span = torch.where(high > low, high - low, torch.ones_like(low))
    center = torch.logit((initial - low) / span, eps=1e-3)
    return initial + span * (torch.sigmoid(raw + center) - torch.sigmoid(center))
