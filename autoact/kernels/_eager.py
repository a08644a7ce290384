"""Generated torch functions run on tensors: blocks that stay in cache, float32 inside for half precision."""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import Any

import torch

from autoact.kernels.plan import Plan

BLOCK = 1 << 15  # elements per thread and block: a dozen float32 temporaries of it fit in a 2 MB cache


def columns(coefficients: torch.Tensor, ndim: int, channel_dim: int) -> list[torch.Tensor]:
    """Return the coefficients one by one, shaped to broadcast against x.

    Args:
        coefficients: (M,) or (C, M).
        ndim: Dimensions of x.
        channel_dim: Dimension of x that C runs along.
    """
    if coefficients.dim() == 1:
        return list(coefficients.unbind(-1))
    shape = [1] * ndim
    shape[channel_dim] = coefficients.shape[0]
    return [c.reshape(shape) for c in coefficients.unbind(-1)]


def widened(x: torch.Tensor) -> torch.Tensor:
    """Return x in the dtype of the computation: float64 stays, all else is float32."""
    return x if x.dtype == torch.float64 else x.float()


def without_autocast(device: str) -> Any:
    """Keep autocast out of the arithmetic: it is float32 or float64 by construction."""
    on = device != "meta" and torch.is_autocast_enabled(device)
    return torch.autocast(device, enabled=False) if on else nullcontext()


def as_tensor(value: torch.Tensor | float, like: torch.Tensor) -> torch.Tensor:
    """Return a generated output, a plain number where the expression is constant, as a tensor like x."""
    if not isinstance(value, torch.Tensor):
        return torch.full_like(like, value)
    return value if value.shape == like.shape else value.expand(like.shape)  # no view where none is needed


def forward(plan: Plan, x: torch.Tensor, coefficients: torch.Tensor, channel_dim: int) -> torch.Tensor:
    """Return y of the shape, dtype and layout of x."""
    cols = columns(coefficients, x.dim(), channel_dim)
    if _one_block(x):
        y = as_tensor(_value(plan, widened(x), cols), x).to(x.dtype)
        return y.clone() if y.data_ptr() == x.data_ptr() or not y.is_contiguous() else y
    out = torch.empty_like(x)
    if coefficients.dim() == 2:
        return out.copy_(as_tensor(_value(plan, widened(x), cols), x))
    for block, part in zip(_blocks(_flat(x, out)), _blocks(_flat(out, out)), strict=True):
        part.copy_(as_tensor(_value(plan, widened(block), cols), block))
    return out


def backward(
    plan: Plan, x: torch.Tensor, coefficients: torch.Tensor, grad: torch.Tensor, channel_dim: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the gradients of x and of the coefficients."""
    cols = columns(coefficients, x.dim(), channel_dim)
    keep = channel_dim % x.dim() if coefficients.dim() == 2 else None
    if _one_block(x):
        grad_x, sums = _backward(plan, widened(x), cols, widened(grad), keep)
        return grad_x.to(x.dtype).contiguous(), sums
    out = torch.empty_like(x)
    if keep is not None:
        grad_x, sums = _backward(plan, widened(x), cols, widened(grad), keep)
        return out.copy_(grad_x), sums
    total = torch.zeros_like(coefficients)
    parts = (_blocks(_flat(t, out)) for t in (x, grad, out))
    for block, grad_block, target in zip(*parts, strict=True):
        grad_x, sums = _backward(plan, widened(block), cols, widened(grad_block))
        target.copy_(grad_x)
        total += sums
    return out, total


def _value(plan: Plan, x: torch.Tensor, cols: list[torch.Tensor]) -> torch.Tensor | float:
    """Return y; without the members that weigh 0 where it would not be a number otherwise."""
    (y,) = plan.forward(x, *cols)
    return plan.live_forward(x, *cols)[0] if _not_a_number(y) else y


def _backward(
    plan: Plan, x: torch.Tensor, cols: list[torch.Tensor], grad: torch.Tensor, keep: int | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    grad_x, sums = reduced_backward(plan, x, cols, grad, keep)
    if _not_a_number(grad_x):
        return reduced_backward(plan, x, cols, grad, keep, live=True)
    return grad_x, sums


def _not_a_number(y: torch.Tensor | float) -> bool:
    """Tell whether y may hold a NaN, by one sum; a GPU is not asked, it would have to wait for the answer."""
    return isinstance(y, torch.Tensor) and (y.device.type != "cpu" or math.isnan(y.sum()))


def reduced_backward(
    plan: Plan,
    x: torch.Tensor,
    cols: list[torch.Tensor],
    grad: torch.Tensor,
    keep: int | None = None,
    live: bool = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return grad_x, and the gradients of the coefficients summed over all dimensions but `keep`."""
    slope, *others = (plan.live_backward if live else plan.backward)(x, *cols)
    if keep is None:
        rows = torch.stack([as_tensor(other, x) for other in others]).reshape(len(others), -1)
        with without_autocast(x.device.type):
            return grad * slope, rows @ grad.reshape(-1)
    dims = [d for d in range(x.dim()) if d != keep]
    sums = [_sum(grad * other, dims) for other in others]
    return grad * slope, torch.stack(sums, -1)


def _sum(t: torch.Tensor, dims: list[int]) -> torch.Tensor:
    return t.sum(dims) if dims else t.clone()


def _one_block(x: torch.Tensor) -> bool:
    return x.is_contiguous() and (x.numel() <= BLOCK or x.device.type != "cpu")


def _flat(t: torch.Tensor, layout: torch.Tensor) -> torch.Tensor:
    """Return t as one row in the memory order of a dense tensor of the same shape; a view where possible."""
    order = sorted(range(layout.dim()), key=layout.stride, reverse=True)
    return t.permute(order).reshape(-1)


def _blocks(row: torch.Tensor) -> tuple[torch.Tensor, ...]:
    if row.device.type != "cpu":  # a GPU kernel wants all of it at once
        return (row,)
    size = BLOCK * torch.get_num_threads()
    return row.split(max(size, math.ceil(row.numel() / 4096)))
