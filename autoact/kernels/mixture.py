"""The functional form: y = Σ_k w_k φ_k(x; θ_k)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch

from autoact.activations import Parameter
from autoact.errors import ConfigurationError, UnsupportedInputError
from autoact.kernels import eager
from autoact.kernels.operator import FusedMixture
from autoact.kernels.plan import Plan, plan_for

Parameters = torch.Tensor | Mapping[str, Mapping[str, Any]] | None


def mixture(
    x: torch.Tensor,
    weights: torch.Tensor,
    candidates: Sequence[str],
    parameters: Parameters = None,
    *,
    channel_dim: int = 1,
) -> torch.Tensor:
    r"""Return the weighted sum of activations, elementwise, as one operator.

    $y = \sum_k w_k \varphi_k(x; \theta_k)$. Whatever the number of candidates, only x is kept for
    backward. A weight of exactly 0 contributes exactly 0, also where that member overflows. bfloat16 and
    float16 are computed in float32 and rounded once.

    Args:
        x: Floating tensor of any shape and layout.
        weights: (K,), or (C, K) for one set per channel.
        candidates: K registered names.
        parameters: None for the defaults, a tensor (P,) or (C, P) in the order of `parameter_slots`, or a
            mapping such as {"elu": {"alpha": 0.7}} of floats or tensors () or (C,), in natural units.
        channel_dim: Dimension of x that C runs along.

    Returns:
        Tensor of the shape, dtype and layout of x.

    Raises:
        UnsupportedInputError: Not a floating tensor, shapes that do not fit, or different devices.
        UnknownActivationError: A candidate that is not registered.

    Example:
        >>> import torch
        >>> from autoact import mixture
        >>> mixture(torch.tensor([-1.0, 2.0]), torch.tensor([0.5, 0.5]), ("identity", "relu"))
        tensor([-0.5000,  2.0000])
    """
    plan = plan_for(tuple(candidates))
    values = _parameter_tensor(plan, parameters, weights)
    _check(x, weights, values, plan, channel_dim)
    dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
    with _without_autocast(x.device.type):
        coefficients = plan.coefficients(weights.to(dtype), values.to(dtype))
        if torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None:
            wide = eager.widened(x)
            (y,) = plan.traced(wide, *eager.columns(coefficients, x.dim(), channel_dim))
            return eager.as_tensor(y, wide).to(x.dtype)
        result: torch.Tensor = FusedMixture.apply(x, coefficients, plan.key, channel_dim)
        return result


def parameter_slots(candidates: Sequence[str]) -> tuple[tuple[str, Parameter], ...]:
    """Return (candidate, parameter) in the order of a mixture's parameter vector.

    Example:
        >>> [(name, p.name) for name, p in parameter_slots(("relu", "elu", "prelu"))]
        [('elu', 'alpha'), ('prelu', 'slope')]
    """
    return plan_for(tuple(candidates)).slots


def _parameter_tensor(plan: Plan, parameters: Parameters, weights: torch.Tensor) -> torch.Tensor:
    if isinstance(parameters, torch.Tensor):
        return parameters
    given = parameters or {}
    own = {name: {p.name for n, p in plan.slots if n == name} for name in plan.candidates}
    unknown = [f"{n}.{p}" for n, ps in given.items() for p in ps if p not in own.get(n, ())]
    if unknown:
        allowed = ", ".join(f"{n}.{p.name}" for n, p in plan.slots) or "none"
        raise ConfigurationError(f"The mixture has no parameter {unknown[0]!r}. Its parameters: {allowed}.")
    values = [given.get(name, {}).get(p.name, p.default) for name, p in plan.slots]
    if not values:
        return weights.new_empty(0)
    tensors = [v if isinstance(v, torch.Tensor) else weights.new_tensor(v) for v in values]
    return torch.stack(torch.broadcast_tensors(*tensors), -1)


def _check(
    x: torch.Tensor, weights: torch.Tensor, values: torch.Tensor, plan: Plan, channel_dim: int
) -> None:
    got = (
        f"x {tuple(x.shape)} {x.dtype} on {x.device}, weights {tuple(weights.shape)} {weights.dtype} on "
        f"{weights.device}, parameters {tuple(values.shape)} {values.dtype} on {values.device}"
    )
    if not (x.is_floating_point() and weights.is_floating_point() and values.is_floating_point()):
        raise UnsupportedInputError(f"mixture takes real floating tensors, got {got}. Convert with .float().")
    if len({x.device, weights.device, values.device}) > 1:
        raise UnsupportedInputError(
            f"mixture needs its tensors on one device, got {got}. Move them with .to()."
        )
    for t, size, letter in ((weights, len(plan.candidates), "K"), (values, len(plan.slots), "P")):
        if t.dim() not in (1, 2) or t.shape[-1] != size:
            raise UnsupportedInputError(
                f"mixture of {plan.candidates} needs ({letter},) or (C, {letter}) with {letter} = {size}, "
                f"got {got}."
            )
    for t in (weights, values):
        if t.dim() == 2 and (not -x.dim() <= channel_dim < x.dim() or t.shape[0] != x.shape[channel_dim]):
            raise UnsupportedInputError(
                f"Per-channel values need C = size of dimension {channel_dim} of x, got {got}. "
                "Set channel_dim."
            )


def _without_autocast(device: str) -> Any:
    """Keep autocast out of the arithmetic: it is float32 or float64 by construction."""
    return torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else nullcontext()
