"""What a tracer sees of a mixture: the plain formula, or on a CPU one opaque operation where that is faster.

The formula is inlined, differentiated and fused by the tracer's compiler. On CPUs the compiled kernels beat
that from 2^15 elements on (scripts/benchmarks/mixture.py), although they are not fused with their neighbors.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import torch

from autoact.kernels import compiled, eager
from autoact.kernels.plan import plan_for, plan_of

LARGE = 1 << 15  # elements
# A module, because torch.compile reads its attributes live and can inline functions that it finds there.
generated = ModuleType("autoact.kernels.generated")


def traced_mixture(
    x: torch.Tensor, weights: torch.Tensor, values: torch.Tensor, names: tuple[str, ...], channel_dim: int
) -> torch.Tensor:
    """Return the mixture as a tracer is to see it; exports hold nothing but torch's own operations."""
    if (
        x.device.type == "cpu"
        and torch.compiler.is_compiling()
        and not torch.compiler.is_exporting()
        and x.numel() >= LARGE
        and _has_kernels(names, x.dtype)
    ):
        result: torch.Tensor = opaque_mixture(x, weights, values, "|".join(names), channel_dim)
        return result
    wide = eager.widened(x)
    arguments = [c for t in (weights, values) for c in eager.columns(t, x.dim(), channel_dim)]
    (y,) = getattr(generated, _formula_name(names))(wide, *arguments)
    return eager.as_tensor(y, wide).to(x.dtype)


@torch._dynamo.assume_constant_result
def _formula_name(names: tuple[str, ...]) -> str:
    """Return the name under which `generated` holds the plain formula (x, *weights, *parameters) -> (y,)."""
    plan = plan_for(names)
    name = "traced_" + plan.key.replace("|", "__")
    setattr(generated, name, plan.traced)
    return name


@torch._dynamo.assume_constant_result
def _has_kernels(names: tuple[str, ...], dtype: torch.dtype) -> bool:
    """Tell whether large tensors have compiled kernels, and no function transform is being traced."""
    transformed = torch._C._functorch.peek_interpreter_stack() is not None
    return not transformed and compiled.kernels_for(plan_for(names), _large(dtype)) is not None


def _large(dtype: torch.dtype) -> torch.Tensor:
    return torch.empty(1, dtype=dtype, device="cpu").expand(LARGE)


@torch.library.custom_op("autoact::opaque_mixture", mutates_args=())
def opaque_mixture(
    x: torch.Tensor, weights: torch.Tensor, parameters: torch.Tensor, plan: str, channel_dim: int
) -> torch.Tensor:
    """Value of a mixture by the compiled kernels."""
    kernels = compiled.kernels_for(plan_of(plan), _large(x.dtype))
    assert kernels is not None
    return compiled.forward(kernels, x, weights.contiguous(), parameters.contiguous(), channel_dim)


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
    kernels = compiled.kernels_for(plan_of(plan), _large(x.dtype))
    assert kernels is not None
    weights, parameters = weights.contiguous(), parameters.contiguous()
    return compiled.backward(kernels, x, weights, parameters, grad, channel_dim)


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
