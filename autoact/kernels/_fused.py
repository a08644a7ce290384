"""Autograd function of a mixture: one kernel forward, one backward; keeps x and nothing of its size besides.

Kernels come in two kinds: over coefficients (generated torch, Triton), and over weights and parameters
(generated C). Gradients of gradients, and batches of gradients, take generated torch code that can be
differentiated to any order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any, Protocol

import torch

from autoact.activations import FREE_FORM, get
from autoact.kernels import _eager
from autoact.kernels._alone import alone, one_hot
from autoact.kernels.cpu import _c_kernels as compiled
from autoact.kernels.plan import Plan

Tensors = tuple[torch.Tensor, ...]


class Kernels(Protocol):
    """Value and gradients of a mixture as functions of x and a few numbers.

    Example:
        >>> from autoact.kernels import route
        >>> found = route(("relu", "tanh"), torch.zeros(3)).kernels
        >>> all(hasattr(found, name) for name in ("forward", "backward", "differentiable"))
        True
    """

    def forward(self, x: torch.Tensor, numbers: Tensors, channel_dim: int) -> torch.Tensor:
        """Return y of the shape, dtype and layout of x."""

    def backward(self, x: torch.Tensor, numbers: Tensors, grad: torch.Tensor, channel_dim: int) -> Tensors:
        """Return the gradients of x and of the numbers."""

    def differentiable(
        self, x: torch.Tensor, numbers: Tensors, grad: torch.Tensor, channel_dim: int
    ) -> tuple[torch.Tensor | None, ...]:
        """Return the same gradients by torch operations: the plain twin of `backward`."""


@dataclass(frozen=True, slots=True)
class OverCoefficients:
    """Kernels whose numbers are the coefficients of a plan: of `_eager`, or of `gpu`."""

    plan: Plan
    functions: ModuleType

    def forward(self, x: torch.Tensor, numbers: Tensors, channel_dim: int) -> torch.Tensor:
        """Return y."""
        y: torch.Tensor = self.functions.forward(self.plan, x, *numbers, channel_dim)
        return y

    def backward(self, x: torch.Tensor, numbers: Tensors, grad: torch.Tensor, channel_dim: int) -> Tensors:
        """Return the gradients of x and coefficients."""
        found: Tensors = self.functions.backward(self.plan, x, *numbers, grad, channel_dim)
        return found

    def differentiable(
        self, x: torch.Tensor, numbers: Tensors, grad: torch.Tensor, channel_dim: int
    ) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients of x and coefficients, differentiable again."""
        (coefficients,) = numbers
        return _plain_backward(self.plan, x, coefficients, grad, channel_dim)


@dataclass(frozen=True, slots=True)
class OverWeights:
    """Kernels in C, whose numbers are weights and parameters: a small tensor costs two calls."""

    plan: Plan
    library: compiled.Kernels

    def forward(self, x: torch.Tensor, numbers: Tensors, channel_dim: int) -> torch.Tensor:
        """Return y."""
        weights, parameters = numbers
        return compiled.forward(self.library, x, weights, parameters, channel_dim)

    def backward(self, x: torch.Tensor, numbers: Tensors, grad: torch.Tensor, channel_dim: int) -> Tensors:
        """Return the gradients of x, weights and parameters."""
        weights, parameters = numbers
        return compiled.backward(self.library, x, weights, parameters, grad, channel_dim)

    def differentiable(
        self, x: torch.Tensor, numbers: Tensors, grad: torch.Tensor, channel_dim: int
    ) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients of x, weights and parameters, differentiable again."""
        graph, needed = torch.is_grad_enabled(), [t for t in numbers if t.requires_grad]
        with torch.enable_grad():
            weights, parameters = numbers
            coefficients = self.plan.coefficients(weights, parameters)
        grad_x, sums = _plain_backward(self.plan, x, coefficients, grad, channel_dim)
        if not needed:
            return grad_x, *(None for _ in numbers)
        pulled = torch.autograd.grad(coefficients, needed, sums, create_graph=graph, allow_unused=True)
        found = iter(pulled)
        return grad_x, *(next(found) if t.requires_grad else None for t in numbers)


def _plain_backward(
    plan: Plan, x: torch.Tensor, coefficients: torch.Tensor, grad: torch.Tensor, channel_dim: int
) -> tuple[torch.Tensor, torch.Tensor]:
    columns = _eager.columns(coefficients, x.dim(), channel_dim)
    keep = channel_dim % x.dim() if coefficients.dim() == 2 else None
    grad_x, sums = _eager.reduced_backward(plan, _eager.widened(x), columns, _eager.widened(grad), keep)
    return grad_x.to(x.dtype), sums


class Fused(torch.autograd.Function):
    """y of x and the numbers of a mixture; `value`, where given, computes the same y another way."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        kernels: Kernels,
        value: Callable[[], torch.Tensor] | None,
        channel_dim: int,
        *numbers: torch.Tensor,
    ) -> torch.Tensor:
        """Run the kernel."""
        ctx.save_for_backward(x, *numbers)
        ctx.kernels, ctx.channel_dim = kernels, channel_dim
        return value() if value else kernels.forward(x, numbers, channel_dim)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[Any, ...]:
        """Run the kernel, or torch operations when gradients of gradients or batches of them are wanted."""
        (x, *numbers), (grad,) = ctx.saved_tensors, grads
        plain = torch.is_grad_enabled() or not is_direct(grad, x)
        run = ctx.kernels.differentiable if plain else ctx.kernels.backward
        grad_x, *others = run(x, tuple(numbers), grad, ctx.channel_dim)
        return grad_x, None, None, None, *others


def fused(
    plan: Plan,
    kernels: Kernels,
    x: torch.Tensor,
    numbers: Tensors,
    weights: torch.Tensor | None,
    parameters: torch.Tensor | None,
    channel_dim: int,
) -> torch.Tensor:
    """Return a mixture by kernels; a candidate that alone weighs anything, by torch's own operation.

    Args:
        plan: The mixture's plan.
        kernels: What to run.
        x: Any shape and layout.
        numbers: What the kernels take and are differentiated in.
        weights: (K,) or (C, K), values only; None where they cannot be read.
        parameters: (P,) or (C, P), values only; None with weights.
        channel_dim: Dimension of x that C runs along.

    Example:
        >>> from autoact.kernels import plan_for, route
        >>> names, x, weights = ("relu", "tanh"), torch.tensor([-1.0, 2.0]), torch.tensor([1.0, 0.0])
        >>> plan, none = plan_for(names), torch.empty(0)
        >>> fused(plan, route(names, x).kernels, x, (weights, none), weights, none, 0)
        tensor([0., 2.])
    """
    single, value = None if weights is None else one_hot(weights), None
    if single is not None and parameters is not None and get(plan.candidates[single]).family != FREE_FORM:
        value = partial(alone, plan, single, x, parameters, channel_dim)
    y: torch.Tensor = Fused.apply(x, kernels, value, channel_dim, *numbers)
    return y


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
