"""Compiled CPU kernels as one operation that torch.compile leaves alone."""

from __future__ import annotations

from typing import Any

import torch

from autoact.kernels.cpu import _c_kernels
from autoact.kernels.cpu._c_kernels import required_kernels
from autoact.kernels.plan import plan_of


@torch.library.custom_op("autoact::opaque_mixture", mutates_args=())
def opaque_mixture(
    x: torch.Tensor, weights: torch.Tensor, parameters: torch.Tensor, plan: str, channel_dim: int
) -> torch.Tensor:
    """Value of a mixture by the compiled kernels."""
    kernels = required_kernels(plan_of(plan), x.dtype)
    return _c_kernels.forward(kernels, x, weights, parameters, channel_dim)


@opaque_mixture.register_fake
def _(
    x: torch.Tensor, weights: torch.Tensor, parameters: torch.Tensor, plan: str, channel_dim: int
) -> torch.Tensor:
    return torch.empty_like(x)


@torch.library.custom_op("autoact::opaque_mixture_backward", mutates_args=())
def opaque_backward(
    x: torch.Tensor,
    weights: torch.Tensor,
    parameters: torch.Tensor,
    grad: torch.Tensor,
    plan: str,
    channel_dim: int,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Gradients of x, weights and parameters by the compiled kernels."""
    kernels = required_kernels(plan_of(plan), x.dtype)
    return _c_kernels.backward(kernels, x, weights, parameters, grad, channel_dim)


@opaque_backward.register_fake
def _(
    x: torch.Tensor,
    weights: torch.Tensor,
    parameters: torch.Tensor,
    grad: torch.Tensor,
    plan: str,
    channel_dim: int,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return torch.empty_like(x), torch.empty_like(weights), torch.empty_like(parameters)


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
    x, weights, parameters, ctx.plan, ctx.channel_dim = inputs
    ctx.save_for_backward(x, weights, parameters)


def _backward(ctx: Any, grad: torch.Tensor) -> tuple[Any, ...]:
    return (*opaque_backward(*ctx.saved_tensors, grad, ctx.plan, ctx.channel_dim), None, None)


opaque_mixture.register_autograd(_backward, setup_context=_setup_context)
