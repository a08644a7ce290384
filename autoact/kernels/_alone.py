"""Candidate that alone weighs anything: torch's own operation, bit for bit."""

from __future__ import annotations

import torch

from autoact._cache import remembered
from autoact.activations import get
from autoact.kernels import _eager
from autoact.kernels.plan import Plan, plan_for


def one_hot(weights: torch.Tensor) -> int | None:
    """Return the only candidate of all rows that weighs anything, if it weighs 1.

    Args:
        weights: (K,) or (C, K); those of a GPU are not read, which would wait for it.

    Example:
        >>> one_hot(torch.tensor([0.0, 1.0, 0.0]))
        1
    """
    if weights.device.type != "cpu":
        return None
    row = (weights if weights.dim() == 1 else weights[0]).tolist() if len(weights) else []
    if 1.0 not in row or row.count(0.0) != len(row) - 1:
        return None
    return row.index(1.0) if weights.dim() == 1 or bool((weights == weights[0]).all()) else None


def alone(
    plan: Plan, candidate: int, x: torch.Tensor, parameters: torch.Tensor, channel_dim: int
) -> torch.Tensor:
    """Return one candidate of every element, never a view of x.

    Args:
        plan: The mixture's plan.
        candidate: Index of the candidate.
        x: Any shape and layout.
        parameters: (P,) or (C, P), of all candidates.
        channel_dim: Dimension of x that C runs along.
    """
    name = plan.candidates[candidate]
    own = parameters[..., [i for i, (owner, _) in enumerate(plan.slots) if owner == name]]
    module = _module(name, tuple(own.tolist())) if own.dim() == 1 else None
    if module is not None:
        y: torch.Tensor = module(x)
        return y.clone() if y.data_ptr() == x.data_ptr() else y
    single = plan_for((name,))
    return _eager.forward(single, x, single.coefficients(own.new_ones(1), own), channel_dim)


@remembered(maxsize=256)
def _module(name: str, values: tuple[float, ...]) -> torch.nn.Module | None:
    """Return torch's own module for an activation; None where it has none, or one that holds tensors."""
    act = get(name)
    found = act.twin.make(dict(zip(act.defaults, values, strict=True))) if act.twin else None
    return None if found is None or list(found.parameters()) else found.eval()
