"""The Triton back end: generated kernels launched over tiles of a tensor, no atomics."""

from __future__ import annotations

import logging
from typing import Any

import torch

from autoact._cache import remembered
from autoact.errors import UnsupportedInputError
from autoact.kernels.gpu import _functions, _launching
from autoact.kernels.gpu._tiling import cover
from autoact.kernels.plan import Plan, backward_program, forward_program
from autoact.kernels.print import backward_source, forward_source

log = logging.getLogger(__name__)
_HALF = (torch.bfloat16, torch.float16)
# Programs per multiprocessor: as many as its registers hold at once, since a program that waits for a place
# leaves others idle at the end. 32 registers per thread forward, about 128 backward (triton_counts.py).
FORWARD_PROGRAMS, BACKWARD_PROGRAMS = 16, 4


def unsupported(plan: Plan, x: torch.Tensor) -> str | None:
    """Return why these kernels cannot compute a mixture; None where they can.

    Example:
        >>> from autoact.kernels import plan_for
        >>> unsupported(plan_for(("relu",)), torch.ones(2, dtype=torch.float64))
        'float64 is computed by torch'
    """
    if x.dtype not in (torch.float32, *_HALF):
        return f"{str(x.dtype)[6:]} is computed by torch"
    if not _functions.INSTALLED:
        return "Triton is not installed (pip install triton)"
    if torch.version.hip or not (x.is_cuda or _functions.INTERPRETED.value):
        return "the kernels are written for NVIDIA GPUs"
    try:
        kernels(plan)
    except UnsupportedInputError as reason:
        return str(reason)
    return None


def forward(plan: Plan, x: torch.Tensor, coefficients: torch.Tensor, channel_dim: int) -> torch.Tensor:
    """Return y of the shape, dtype and layout of x: one kernel, which reads x and writes y."""
    at = channel_dim % x.dim() if coefficients.dim() == 2 else None
    return run_forward(plan, x, coefficients.contiguous(), at)


def run_forward(plan: Plan, x: torch.Tensor, numbers: torch.Tensor, at: int | None) -> torch.Tensor:
    """Return y.

    Args:
        plan: The mixture's plan.
        x: Any shape and layout.
        numbers: Memory that begins with the M coefficients, or with C times M.
        at: Dimension of x that C runs along; None for M.
    """
    y = torch.empty_like(x)
    if x.numel():
        tiles = cover(y, len(plan.coefficient_symbols), at, FORWARD_PROGRAMS)
        operands = _like(x, y), y, numbers
        _launching.launch(kernels(plan)[0], tiles.programs, operands, tiles.arguments[x.dtype in _HALF])
    return y


def backward(
    plan: Plan, x: torch.Tensor, coefficients: torch.Tensor, grad: torch.Tensor, channel_dim: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the gradients of x and of the coefficients: one kernel, and one sum over its rows of sums."""
    if not x.numel():
        return torch.empty_like(x), torch.zeros_like(coefficients)
    at = channel_dim % x.dim() if coefficients.dim() == 2 else None
    grad_x, partial = run_backward(plan, x, coefficients.contiguous(), grad, at)
    return grad_x, partial.sum(1).reshape(coefficients.shape)


def run_backward(
    plan: Plan, x: torch.Tensor, numbers: torch.Tensor, grad: torch.Tensor, at: int | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the gradient of x, and sums (1, programs, M) or (C, programs, M) of those of the coefficients.

    Args:
        plan: The mixture's plan.
        x: Any shape and layout, with elements.
        numbers: As forward took them.
        grad: Gradient of y.
        at: Dimension of x that C runs along; None for M.
    """
    grad_x = torch.empty_like(x)
    many = len(plan.coefficient_symbols)
    tiles = cover(grad_x, many, at, BACKWARD_PROGRAMS)
    partial = torch.empty(tiles.sums(many), dtype=torch.float32, device=x.device)
    operands = _like(x, grad_x), _like(grad, grad_x), grad_x, partial, numbers
    _launching.launch(kernels(plan)[1], tiles.programs, operands, tiles.arguments[x.dtype in _HALF])
    return grad_x, partial.transpose(0, 1) if tiles.per_column else partial


def _like(t: torch.Tensor, layout: torch.Tensor) -> torch.Tensor:
    """Return a tensor with the strides of another: itself, or a copy."""
    if t.stride() == layout.stride():
        return t
    strides = zip(t.shape, t.stride(), layout.stride(), strict=True)
    if all(own == other for size, own, other in strides if size > 1):
        return t
    return torch.empty_like(layout, dtype=t.dtype).copy_(t)


@remembered(maxsize=512)
def kernels(plan: Plan) -> tuple[Any, Any]:
    """Return the forward and the backward kernel; Triton compiles them when they are first launched."""
    log.debug("mixture of %s runs as Triton kernels", plan.key)
    return (
        _launching.kernel("forward", forward_source(forward_program(plan))),
        _launching.kernel("backward", backward_source(backward_program(plan))),
    )
