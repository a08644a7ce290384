"""Device functions of the chain from logits to coefficients: float64, a handful of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoact.kernels.gpu._functions import jit

if TYPE_CHECKING:
    # Triton has no type stubs, and is not to be had on every platform
    import triton.language as tl  # type: ignore[import-untyped, import-not-found, unused-ignore]
else:
    from autoact.kernels.gpu._functions import tl


@jit
def wide(pointer: tl.tensor) -> tl.tensor:
    """A number in float64."""
    return tl.load(pointer).to(tl.float64)


@jit
def or_one(u: tl.tensor) -> tl.tensor:
    """u; 1 for 0."""
    return tl.where(u == 0.0, 1.0, u)


@jit
def sigmoid(u: tl.tensor) -> tl.tensor:
    """1 / (1 + exp(-u))."""
    power = tl.exp(-tl.abs(u))
    return tl.where(u >= 0.0, 1.0, power) / (1.0 + power)


@jit
def log2_1p_exp2(u: tl.tensor) -> tl.tensor:
    """log2(1 + 2^u); exactly 1 for 0."""
    return tl.maximum(u, 0.0) + tl.log2(1.0 + tl.exp2(-tl.abs(u)))


@jit
def logit(share: tl.tensor, EDGE: tl.constexpr) -> tl.tensor:
    """log(s / (1 - s)) of what is EDGE inside of 0 and 1."""
    inside = clamp(share, EDGE, 1.0 - EDGE)
    return tl.log(inside / (1.0 - inside))


@jit
def clamp(u: tl.tensor, low: tl.tensor, high: tl.tensor) -> tl.tensor:
    """u, low at least and high at most; NaN stays."""
    return tl.where(u < low, low, tl.where(u > high, high, u))
