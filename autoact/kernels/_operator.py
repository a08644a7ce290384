"""Operator of a mixture: the one gate that decides how a tensor is computed, and says why."""

from __future__ import annotations

import logging
from enum import StrEnum
from typing import NamedTuple, Protocol

import torch

from autoact._cache import remembered
from autoact.kernels import _eager, cpu
from autoact.kernels._alone import one_hot
from autoact.kernels._formula import formula
from autoact.kernels._fused import Kernels, OverCoefficients, OverWeights, fused, is_direct
from autoact.kernels.plan import plan_for, plan_of

log = logging.getLogger(__name__)
LARGE = 1 << 15  # elements from which C beats what torch.compile makes of the formula (benchmark_mixture.py)


class Way(StrEnum):
    """Ways to compute a mixture.

    Example:
        >>> print(Way.TORCH)
        generated torch code
    """

    C = "generated C"
    TRITON = "generated Triton"
    TORCH = "generated torch code"
    OPAQUE = "generated C as one operation of the compiled graph"
    FORMULA = "the plain formula, differentiated by torch"


class Route(NamedTuple):
    """How a tensor is computed, and why.

    Args:
        way: One of `Way`.
        reason: Clause that follows "because".
        kernels: What runs forward and backward, for ways that have kernels.

    Example:
        >>> found = route(("relu", "tanh"), torch.zeros(3))
        >>> found.way in set(Way), found.kernels is None
        (True, False)
    """

    way: Way
    reason: str
    kernels: Kernels | None = None


class Layer(Protocol):
    """What `explain` reads of a layer."""

    candidates: tuple[str, ...]

    def weights(self) -> torch.Tensor:
        """Return the weights in effect, (K,) or (C, K)."""

    def natural_values(self) -> torch.Tensor:
        """Return the parameter values, (P,) or (C, P)."""


def explain(layer: Layer, x: torch.Tensor) -> str:
    """Return which way a tensor takes through a layer, and why.

    Args:
        layer: An `AutoActivation`.
        x: What the layer would be called with: floating tensor of any shape.

    Example:
        >>> import torch
        >>> from autoact import AutoActivation
        >>> explain(AutoActivation(["relu", "tanh"]), torch.ones(3))
        'Generated torch code, because x has fewer than 256 elements. ...'
    """
    weights = layer.weights()
    found = route(layer.candidates, x, weights, layer.natural_values())
    text = f"{found.way[0].upper()}{found.way[1:]}, because {found.reason}."
    if found.kernels is None:
        return text
    single = one_hot(weights)
    if single is not None:
        name = layer.candidates[single]
        return f"{text} Forward is torch's own {name}, the only candidate that weighs anything."
    return f"{text} With create_graph=True backward takes torch operations, exact to every order."


def computed_in(x: torch.Tensor) -> torch.dtype:
    """Return the dtype of the arithmetic: float64 stays, all else is float32."""
    return torch.float64 if getattr(x, "dtype", None) == torch.float64 else torch.float32


def route(names: tuple[str, ...], x: torch.Tensor, *numbers: torch.Tensor) -> Route:
    """Return how a mixture is computed: decided by the tensors in hand, never by what ran before.

    Args:
        names: Candidates.
        x: Any shape and layout.
        *numbers: What the mixture is made of: weights and parameters, or what they follow from.

    Example:
        >>> route(("relu", "tanh"), torch.zeros(3, device="meta")).way in set(Way)
        True
    """
    if torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None:
        return _traced(names, x)
    if not is_direct(x, *numbers):
        return Route(Way.FORMULA, "a function transform, a mode or a tensor subclass sees every operation")
    plan = plan_for(names)
    device = x.device.type
    if device == "cpu":
        return _on_cpu(plan.key, x.dtype, x.numel() >= cpu.SMALLEST)
    if device == "cuda":
        return _on_gpu(plan.key, x.dtype)
    return Route(Way.TORCH, f"{device} has no kernels of its own", OverCoefficients(plan, _eager))


def _traced(names: tuple[str, ...], x: torch.Tensor) -> Route:
    """Return what a tracer sees; exports hold nothing but torch's own operations."""
    if not torch.compiler.is_compiling() or torch.compiler.is_exporting():
        return Route(Way.FORMULA, "the model is traced or exported: only torch's own operations may be in it")
    if x.device.type != "cpu":
        return Route(Way.FORMULA, "torch.compile fuses it with its neighbors")
    if x.numel() < LARGE or not _has_kernels(names, x.dtype):
        return Route(Way.FORMULA, "torch.compile does as well here")
    return Route(Way.OPAQUE, "it beats what torch.compile makes of the formula")


@torch._dynamo.assume_constant_result
def _has_kernels(names: tuple[str, ...], dtype: torch.dtype) -> bool:
    """Tell whether large tensors have compiled kernels, and no function transform is being traced."""
    if torch._C._functorch.peek_interpreter_stack() is not None:
        return False
    return not isinstance(cpu.kernels_for(plan_for(names), dtype), str)


@remembered(maxsize=1024)
def _on_cpu(key: str, dtype: torch.dtype, large: bool) -> Route:
    plan = plan_of(key)
    found = cpu.kernels_for(plan, dtype) if large else f"x has fewer than {cpu.SMALLEST} elements"
    if isinstance(found, str):
        return Route(Way.TORCH, found, OverCoefficients(plan, _eager))
    reason = f"x is on a CPU, has {cpu.SMALLEST} elements or more, and there is a C compiler"
    return Route(Way.C, reason, OverWeights(plan, found))


@remembered(maxsize=1024)
def _on_gpu(key: str, dtype: torch.dtype) -> Route:
    """Return Triton on NVIDIA GPUs where it can; a debug line says which."""
    from autoact.kernels import gpu

    plan = plan_of(key)
    reason = gpu.unsupported(plan, torch.empty(0, dtype=dtype, device="cuda"))
    log.debug("mixture of %s on cuda: %s", key, f"torch, {reason}" if reason else "Triton")
    if reason:
        return Route(Way.TORCH, reason, OverCoefficients(plan, _eager))
    return Route(Way.TRITON, "x is on an NVIDIA GPU", OverCoefficients(plan, gpu))


def computed(
    x: torch.Tensor,
    weights: torch.Tensor,
    parameters: torch.Tensor,
    names: tuple[str, ...],
    channel_dim: int,
) -> torch.Tensor:
    """Return the mixture by the way that `route` decides; arguments as in `mixture`, checked."""
    found = route(names, x, weights, parameters)
    if found.way == Way.OPAQUE:
        opaque: torch.Tensor = cpu.opaque_mixture(x, weights, parameters, "|".join(names), channel_dim)
        return opaque
    if found.kernels is None:
        with _eager.without_autocast(x.device.type):
            return formula(x, weights, parameters, names, channel_dim)
    plan = plan_for(names)
    if found.way == Way.C:
        return fused(plan, found.kernels, x, (weights, parameters), weights, parameters, channel_dim)
    with _eager.without_autocast(x.device.type):
        numbers = (plan.coefficients(weights, parameters),)
        return fused(plan, found.kernels, x, numbers, weights, parameters, channel_dim)
