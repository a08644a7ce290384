"""Kernels of a layer with one set of weights: two launches from logits to y, two launches back."""

from __future__ import annotations

import torch

from autoact.kernels.gpu import _launching
from autoact.kernels.gpu._triton_kernels import run_backward, run_forward
from autoact.kernels.plan import Plan
from autoact.kernels.print import chain_backward_source, chain_source, state_of

Tensors = tuple[torch.Tensor, ...]
_ONE_WARP = {"num_warps": 1}
_FOUR_WARPS = {"num_warps": 4, "ROWS": 128}  # one sum per thread and coefficient at a time


class Chain:
    """Kernels of one mixture whose weights and parameter values follow from logits and raw numbers.

    Args:
        plan: The mixture's plan.
        formulas: Value and derivative of each parameter as text over its raw number r0, r1, ... and its value
            v0, v1, ... at raw = 0.

    Raises:
        UnsupportedInputError: A factor of parameters that has no Triton form.

    Example:
        >>> from autoact.kernels import plan_for
        >>> Chain(plan_for(("relu", "tanh")), ()).state.parts
        (2, 2, 2, 0, 0, 1, 1, 2, 0)
    """

    def __init__(self, plan: Plan, formulas: tuple[tuple[str, str], ...]) -> None:
        self.plan, self.state = plan, state_of(plan)
        self.parts = self.state.parts
        self._forward = _launching.kernel("chain", chain_source(plan, formulas))
        self._backward = _launching.kernel("chain_backward", chain_backward_source(plan))

    def forward(self, x: torch.Tensor, numbers: Tensors, step: float) -> Tensors:
        """Return y of the shape, dtype and layout of x, and the state that backward needs.

        Args:
            x: Any shape and layout, on a GPU.
            numbers: logits (K,), raw (P,), temperature (), release (), anchor (K,), initial (P,), and the
                logits seen last (K,); contiguous.
            step: What is added to release, in place, if the logits moved since; 0: both stay.
        """
        state = self.compute(numbers, step)
        return run_forward(self.plan, x, state, None), state

    def backward(
        self,
        x: torch.Tensor,
        state: torch.Tensor,
        grad: torch.Tensor,
        logits: torch.Tensor,
        raw: torch.Tensor,
    ) -> Tensors:
        """Return the gradients of x, logits and raw numbers."""
        if not x.numel():
            return torch.empty_like(x), torch.zeros_like(logits), torch.zeros_like(raw)
        grad_x, sums = run_backward(self.plan, x, state, grad, None)
        return grad_x, *self.pull(sums, state, logits, raw)

    def taken(self, weights: torch.Tensor, values: torch.Tensor) -> Tensors:
        """Return what the plain twin of the mixture's kernels takes."""
        return (self.plan.coefficients(weights, values),)

    def compute(self, numbers: Tensors, step: float) -> torch.Tensor:
        """Return the state, which begins with the coefficients; arguments as in `forward`."""
        state = torch.empty(self.state.size, dtype=torch.float32, device=numbers[0].device)
        _launching.launch(self._forward, 1, (*numbers, state, step), _ONE_WARP)
        return state

    def pull(
        self, sums: torch.Tensor, state: torch.Tensor, logits: torch.Tensor, raw: torch.Tensor
    ) -> Tensors:
        """Return the gradients of logits and raw numbers.

        Args:
            sums: (1, programs, M), which add up to the gradients of the coefficients.
            state: Of forward.
            logits: (K,).
            raw: (P,).
        """
        pulled = torch.empty_like(logits), torch.empty_like(raw)
        _launching.launch(self._backward, 1, (sums, sums.shape[1], state, *pulled), _FOUR_WARPS)
        return pulled
