"""Stand-ins for the layers of a gated block that a plain one lacks: ones, which multiply nothing."""

from typing import Any

import torch
from torch import Tensor, nn


class One(nn.Module):
    """The number 1, whatever comes: what is multiplied by it is as it was.

    Example:
        >>> One()(torch.zeros(2, 3))
        tensor(1.)
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return 1 in the precision and on the device of x."""
        return x.new_ones(())


class _WithOnes(nn.Module):
    """A layer whose result stands beside as many ones, where one layer computed both halves of a block."""

    gate_first: bool

    def forward(self, x: Tensor) -> Tensor:
        """Return the result and ones, the result first or last, along the dimension of its features."""
        y = super().forward(x)
        ones = y.new_ones(()).expand_as(y)
        return torch.cat((y, ones) if self.gate_first else (ones, y), features(self))


class LinearWithOnes(_WithOnes, nn.Linear):
    """A linear layer beside ones."""


class Conv1dWithOnes(_WithOnes, nn.Conv1d):
    """A convolution beside ones."""


class Conv2dWithOnes(_WithOnes, nn.Conv2d):
    """A convolution beside ones."""


BESIDE_ONES: dict[type, type] = {
    nn.Linear: LinearWithOnes,
    nn.Conv1d: Conv1dWithOnes,
    nn.Conv2d: Conv2dWithOnes,
}


def has_ones(module: nn.Module | None) -> bool:
    """Tell whether a module stands in for what a plain block lacks.

    Example:
        >>> has_ones(One()), has_ones(nn.Linear(1, 1))
        (True, False)
    """
    return isinstance(module, One | _WithOnes)


def features(layer: nn.Module) -> int:
    """Return the dimension of a layer's features, counted from the last one.

    Example:
        >>> features(nn.Linear(2, 2)), features(nn.Conv2d(2, 2, 1))
        (-1, -3)
    """
    return -len(layer.kernel_size) - 1 if hasattr(layer, "kernel_size") else -1  # type: ignore[arg-type]


def beside_ones(layer: Any, *, gate_first: bool) -> Any:
    """Let a layer's result stand beside ones.

    Args:
        layer: A linear layer or a convolution; it is changed.
        gate_first: Whether its result comes first.

    Example:
        >>> beside_ones(nn.Linear(2, 3), gate_first=False)(torch.zeros(1, 2))[:, :3]
        tensor([[1., 1., 1.]], grad_fn=<SliceBackward0>)
    """
    layer.__class__ = BESIDE_ONES[type(layer)]
    layer.gate_first = gate_first
    return layer
