"""The fused operator: kernels as custom ops, their derivatives as one autograd.Function.

Only x and the coefficients are kept for backward. First derivatives run through the kernels; with
create_graph, under functorch transforms and in forward mode the generated formulas do: every order is exact.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch

from autoact.kernels import compiled, eager
from autoact.kernels.plan import Plan, plan_for, plan_of

log = logging.getLogger(__name__)


@lru_cache(maxsize=1024)
def _back_end(key: str, device: str, dtype: torch.dtype) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return forward and backward of Triton on NVIDIA GPUs, of torch elsewhere; a debug line says which."""
    if device != "cuda":
        return eager.forward, eager.backward
    from autoact.kernels import triton_kernels

    reason = triton_kernels.unsupported(plan_of(key), torch.empty(0, dtype=dtype, device=device))
    log.debug("mixture of %s on %s: %s", key, device, f"torch, {reason}" if reason else "Triton")
    chosen = eager if reason else triton_kernels
    return chosen.forward, chosen.backward


@torch.library.custom_op("autoact::mixture", mutates_args=())
def mixture_kernel(x: torch.Tensor, coefficients: torch.Tensor, plan: str, channel_dim: int) -> torch.Tensor:
    """Value of a plan's mixture."""
    forward, _ = _back_end(plan, x.device.type, x.dtype)
    return forward(plan_of(plan), x, coefficients, channel_dim)


@mixture_kernel.register_fake
def _(x: torch.Tensor, coefficients: torch.Tensor, plan: str, channel_dim: int) -> torch.Tensor:
    return torch.empty_like(x)


@torch.library.custom_op("autoact::mixture_backward", mutates_args=())
def backward_kernel(
    x: torch.Tensor, coefficients: torch.Tensor, grad: torch.Tensor, plan: str, channel_dim: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradients of x and of the coefficients."""
    _, backward = _back_end(plan, x.device.type, x.dtype)
    return backward(plan_of(plan), x, coefficients, grad, channel_dim)


@backward_kernel.register_fake
def _(
    x: torch.Tensor, coefficients: torch.Tensor, grad: torch.Tensor, plan: str, channel_dim: int
) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.empty_like(x), torch.empty_like(coefficients)


def _leading(info: Any, t: torch.Tensor, dim: int | None) -> torch.Tensor:
    return t.unsqueeze(0).expand(info.batch_size, *t.shape) if dim is None else t.movedim(dim, 0)


@mixture_kernel.register_vmap
def _(info: Any, in_dims: Any, x: Any, coefficients: Any, plan: str, channel_dim: int) -> Any:
    x, c = _leading(info, x, in_dims[0]), _leading(info, coefficients, in_dims[1])
    cols = eager.columns(c, x.dim() - 1, channel_dim, batched=True)
    (y,) = plan_of(plan).forward(eager.widened(x), *cols)
    return eager.as_tensor(y, x).to(x.dtype), 0


@backward_kernel.register_vmap
def _(info: Any, in_dims: Any, x: Any, coefficients: Any, grad: Any, plan: str, channel_dim: int) -> Any:
    x, c, grad = (_leading(info, t, d) for t, d in zip((x, coefficients, grad), in_dims[:3], strict=True))
    cols = eager.columns(c, x.dim() - 1, channel_dim, batched=True)
    slope, *others = plan_of(plan).backward(eager.widened(x), *cols)
    keep = {0} | ({channel_dim % (x.dim() - 1) + 1} if c.dim() == 3 else set())
    dims = [d for d in range(x.dim()) if d not in keep]
    wide = eager.widened(grad)
    sums = [(wide * eager.as_tensor(other, wide)).sum(dims) if dims else wide * other for other in others]
    return ((wide * slope).to(x.dtype), torch.stack(sums, -1)), (0, 0)


def _plain_backward(
    plan: Plan, x: torch.Tensor, coefficients: torch.Tensor, grad: torch.Tensor, channel_dim: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the gradients by the generated formula, differentiable again."""
    cols = eager.columns(coefficients, x.dim(), channel_dim)
    keep = channel_dim % x.dim() if coefficients.dim() == 2 else None
    grad_x, sums = eager.reduced_backward(plan, eager.widened(x), cols, eager.widened(grad), keep)
    return grad_x.to(x.dtype), sums


class FusedMixture(torch.autograd.Function):
    """Connects the kernels to every kind of differentiation."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: torch.Tensor, coefficients: torch.Tensor, plan: str, channel_dim: int) -> torch.Tensor:
        """Run the kernel; without the dispatcher, which costs 40 µs, where nothing listens to it."""
        if is_direct(x, coefficients):
            forward, _ = _back_end(plan, x.device.type, x.dtype)
            return forward(plan_of(plan), x, coefficients, channel_dim)
        return mixture_kernel(x, coefficients, plan, channel_dim)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        """Keep x and the coefficients, nothing of the size of x besides."""
        x, coefficients, ctx.plan, ctx.channel_dim = inputs
        ctx.save_for_backward(x, coefficients)
        ctx.save_for_forward(x, coefficients)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[Any, ...]:
        """Run the kernel, or the differentiable formula when gradients of gradients are wanted."""
        x, coefficients = ctx.saved_tensors
        (grad,) = grads
        if torch.is_grad_enabled():
            return (*_plain_backward(plan_of(ctx.plan), x, coefficients, grad, ctx.channel_dim), None, None)
        arguments = x, coefficients, grad
        if is_direct(*arguments):
            _, backward = _back_end(ctx.plan, x.device.type, x.dtype)
            return (*backward(plan_of(ctx.plan), *arguments, ctx.channel_dim), None, None)
        return (*backward_kernel(*arguments, ctx.plan, ctx.channel_dim), None, None)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> torch.Tensor:
        """Forward mode by the generated formula."""
        x, coefficients = ctx.saved_tensors
        x_tangent, c_tangent = tangents[:2]
        plan = plan_of(ctx.plan)
        wide = eager.widened(x)
        slope, *others = plan.backward(wide, *eager.columns(coefficients, x.dim(), ctx.channel_dim))
        result = torch.zeros_like(wide)
        if x_tangent is not None:
            result = result + slope * x_tangent
        if c_tangent is not None:
            c_columns = eager.columns(c_tangent, x.dim(), ctx.channel_dim)
            result = result + sum(other * c for other, c in zip(others, c_columns, strict=True))
        return result.to(x.dtype)


class CompiledMixture(torch.autograd.Function):
    """The short way from weights and parameters to y where `takes_short_way` says so.

    Coefficients are computed in the kernels, so that a small tensor costs two calls. A one-hot mixture is
    computed by torch as that activation: the layer then is it bit for bit.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weights: torch.Tensor,
        parameters: torch.Tensor,
        plan: str,
        channel_dim: int,
    ) -> torch.Tensor:
        """Run the kernel; keep x and nothing of its size besides."""
        weights, parameters = weights.contiguous(), parameters.contiguous()
        ctx.save_for_backward(x, weights, parameters)
        ctx.plan, ctx.channel_dim = plan, channel_dim
        return direct_forward(plan_of(plan), x, weights, parameters, channel_dim)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[Any, ...]:
        """Run the kernel, or the formula when gradients of gradients or batches of them are wanted."""
        x, weights, parameters = ctx.saved_tensors
        grad = grads[0]
        plan = plan_of(ctx.plan)
        kernels = compiled.kernels_for(plan, x)
        if not torch.is_grad_enabled() and is_direct(grad, x):
            if kernels is not None:
                return (
                    *compiled.backward(kernels, x, weights, parameters, grad, ctx.channel_dim),
                    None,
                    None,
                )
            coefficients = plan.coefficients(weights, parameters)
            return eager.backward(plan, x, coefficients, grad, ctx.channel_dim)[0], None, None, None, None
        pair: Any = torch.func.vjp(plan.coefficients, weights, parameters)
        coefficients, pull = pair
        if torch.is_grad_enabled():
            grad_x, sums = _plain_backward(plan, x, coefficients, grad, ctx.channel_dim)
        else:
            grad_x, sums = backward_kernel(x, coefficients, grad, ctx.plan, ctx.channel_dim)
        return (grad_x, *pull(sums), None, None)


def direct_forward(
    plan: Plan, x: torch.Tensor, weights: torch.Tensor, parameters: torch.Tensor, channel_dim: int
) -> torch.Tensor:
    """Return the mixture of an x on a CPU; of one-hot weights, that activation bit for bit.

    Args:
        plan: The mixture's plan.
        x: Any shape and layout.
        weights: (K,) or (C, K), float32, contiguous.
        parameters: (P,) or (C, P), float32, contiguous.
        channel_dim: Dimension of x that C runs along.
    """
    hot = _one_hot(weights)
    if hot is not None:
        return _alone(plan, hot, x, parameters, channel_dim)
    kernels = compiled.kernels_for(plan, x)
    if kernels is None:
        return eager.forward(plan, x, plan.coefficients(weights, parameters), channel_dim)
    return compiled.forward(kernels, x, weights, parameters, channel_dim)


def takes_short_way(plan: Plan, x: torch.Tensor, weights: torch.Tensor, parameters: torch.Tensor) -> bool:
    """Tell whether a mixture has compiled kernels, or is one activation with fixed weight and parameters."""
    fixed = len(plan.candidates) == 1 and not (weights.requires_grad or parameters.requires_grad)
    if not (fixed or compiled.kernels_for(plan, x) is not None):
        return False
    return x.device.type == "cpu" and is_direct(x, weights, parameters)


_PLAIN = (torch.Tensor, torch.nn.Parameter)


def is_direct(*tensors: torch.Tensor) -> bool:
    """Tell whether tensors are plain memory that a kernel may read: no subclass, transform or mode.

    A gradient that torch knows to be 0 has no memory, nor do sparse tensors and those of functionalization.
    """
    if (
        torch._C._functorch.peek_interpreter_stack() is not None
        or torch.autograd.forward_ad._current_level >= 0
        or torch._C._len_torch_dispatch_stack()
    ):
        return False
    for t in tensors:
        if type(t) not in _PLAIN or torch._C._functorch.is_legacy_batchedtensor(t):
            return False
        if (
            t.layout is not torch.strided
            or t.is_nested
            or t._is_zerotensor()
            or torch._is_functional_tensor(t)
        ):
            return False
    return True


def _one_hot(weights: torch.Tensor) -> int | None:
    """Return the only candidate of all rows that weighs anything, if it weighs 1."""
    row = (weights if weights.dim() == 1 else weights[0]).tolist()
    if 1.0 not in row or row.count(0.0) != len(row) - 1:
        return None
    return row.index(1.0) if weights.dim() == 1 or bool((weights == weights[0]).all()) else None


def _alone(
    plan: Plan, candidate: int, x: torch.Tensor, parameters: torch.Tensor, channel_dim: int
) -> torch.Tensor:
    name = plan.candidates[candidate]
    own = [i for i, (owner, _) in enumerate(plan.slots) if owner == name]
    alone = plan_for((name,))
    coefficients = alone.coefficients(parameters.new_ones(1), parameters[..., own])
    return eager.forward(alone, x, coefficients, channel_dim)
