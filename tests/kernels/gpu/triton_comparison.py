"""Inputs, tolerances and comparisons for the checks of the Triton kernels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np
import torch

import autoact
from autoact.kernels import _eager as eager
from autoact.kernels import plan_for
from autoact.kernels.gpu import _functions as triton_functions
from autoact.kernels.gpu import _launching
from autoact.kernels.gpu import _triton_kernels as triton_kernels


def built_in() -> tuple[str, ...]:
    """Registered activations that are not a test's own."""
    names = autoact.list_activations()
    return tuple(n for n in names if autoact.get(n).family not in ("test", "example"))


def close(
    got: torch.Tensor, want: torch.Tensor, scale: torch.Tensor | float, limit: float, what: str
) -> None:
    """Raise unless |got - want| <= limit · max(|want|, |scale|, 1); equal infinities and NaNs are close."""
    got, want = got.double().cpu(), want.double().cpu()
    wide = torch.maximum(want.abs(), torch.as_tensor(scale, dtype=torch.float64).abs().cpu()).clamp(min=1)
    error = ((got - want).abs() / wide).where(~((got == want) | (got.isnan() & want.isnan())), 0.0)
    assert got.shape == want.shape, f"{what}: shape {tuple(got.shape)}, expected {tuple(want.shape)}"
    assert (error <= limit).all(), f"{what}: off by {error.nan_to_num(9e9).max():.3g}, allowed {limit:.3g}"


def inputs(*shape: int, device: str, dtype: torch.dtype = torch.float32, seed: int = 0) -> torch.Tensor:
    """Normal numbers of deviation 3."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(shape, generator=generator) * 3).to(device, dtype)


def limits(tolerance: float) -> dict[torch.dtype, float]:
    """Return how far an output may be off: in half precision by one rounding and a tenth of it.

    Triton's interpreter cuts bfloat16 off where a GPU rounds to the nearest.
    """
    cut = 2 if triton_functions.INTERPRETED.value else 1
    return {torch.float32: tolerance, torch.bfloat16: 1.1 * cut * 2**-8, torch.float16: 1.1 * 2**-11}


def compare(
    names: tuple[str, ...],
    x: torch.Tensor,
    tolerance: float,
    *,
    channel_dim: int | None = None,
    grad: torch.Tensor | None = None,
) -> None:
    """Compare both kernels with the formulas in float64, for random coefficients."""
    plan = plan_for(names)
    many = len(plan.coefficient_symbols)
    shape = (many,) if channel_dim is None else (x.shape[channel_dim], many)
    c = torch.rand(shape, generator=torch.Generator().manual_seed(1)).to(x.device) + 0.5
    grad = inputs(*x.shape, device=str(x.device), dtype=x.dtype, seed=2) if grad is None else grad
    at = channel_dim or 0
    y = triton_kernels.forward(plan, x, c, at)
    grad_x, sums = triton_kernels.backward(plan, x, c, grad, at)
    wide = (x.double().cpu(), c.double().cpu())
    want_y = eager.forward(plan, *wide, at)
    want_x, want_sums = eager.backward(plan, *wide, grad.double().cpu(), at)
    for got in (y, grad_x):
        assert got.dtype == x.dtype
        assert got.stride() == torch.empty_like(x).stride(), (got.stride(), x.stride())
    limit = limits(tolerance * many)[x.dtype]  # each member rounds; half precision does it once more
    close(y, want_y, x.double(), limit, f"{names} {tuple(x.shape)} {x.dtype} forward")
    scale = grad.double() * x.double().abs().clamp(min=1)
    close(grad_x, want_x, scale, limit, f"{names} {tuple(x.shape)} {x.dtype} grad_x")
    size = (grad.double().cpu().abs() * x.double().cpu().abs().clamp(min=1) ** 2).sum() if x.numel() else 0.0
    close(sums, want_sums, size, tolerance, f"{names} {tuple(x.shape)} {x.dtype} sums")


@contextmanager
def launches() -> Iterator[list[tuple[torch.Tensor, ...]]]:
    """Collect the tensors of every kernel that is launched meanwhile."""
    seen: list[tuple[torch.Tensor, ...]] = []
    original = _launching.launch

    def launch(kernel: Any, programs: int, operands: tuple[Any, ...], arguments: Any) -> None:
        seen.append(tuple(t for t in operands if isinstance(t, torch.Tensor)))
        original(kernel, programs, operands, arguments)

    try:
        _launching.launch = launch
        yield seen
    finally:
        _launching.launch = original


def make_noisy() -> None:
    """Let the interpreter err like the hardware, to either side, wherever a result is not a power of 2."""
    builder = import_module("triton.runtime.interpreter").InterpreterBuilder

    def noisy(name: str, size: float) -> None:
        exact = getattr(builder, name)

        def rounded(self, *arguments):
            handle = exact(self, *arguments)
            if handle.data.dtype == np.float32:
                scattered = handle.data.view(np.uint32) * np.uint32(
                    2654435761
                )  # one sign per value, as a GPU
                off = handle.data * np.where(scattered >> 31, 1 + size, 1 - size)
                handle.data = np.where(np.frexp(handle.data)[0] == 0.5, handle.data, off).astype(np.float32)
            return handle

        setattr(builder, name, rounded)

    for name, size in (("exp2", 2**-22), ("fdiv", 2**-23), ("sqrt", 2**-23), ("rsqrt", 2**-22)):
        noisy(f"create_{name}", size)
