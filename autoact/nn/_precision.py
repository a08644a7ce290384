"""Precision of a mixture's few numbers: exact when a model is cast to half precision, whole or in shards."""

from collections.abc import Callable

import torch
from torch import Tensor

_WIDE = (torch.float32, torch.float64)


def keep_precision(fn: Callable[[Tensor], Tensor], pinned: Tensor) -> Callable[[Tensor], Tensor]:
    """Return what a module may apply to its tensors instead of `fn`: nothing becomes half precision.

    A bfloat16 slope of 0.2 is 0.2002, so a cast layer would no longer be the activation it promised to start
    as. Devices change as asked.

    Args:
        fn: What `.to`, `.cuda`, `.bfloat16`, ... apply to each tensor.
        pinned: A float64 tensor that also keeps its dtype, except on devices without float64.
    """

    def keep(tensor: Tensor) -> Tensor:
        if tensor is pinned:
            return _move(fn(tensor.float()), tensor)
        moved = fn(tensor)
        if not tensor.is_floating_point() or moved.dtype in _WIDE:
            return moved
        return moved.to(tensor.dtype) if tensor.is_meta else tensor.to(moved.device)

    return keep


def is_sharded(tensor: Tensor) -> bool:
    """Tell whether a tensor is a DTensor, of which each process holds a part.

    Args:
        tensor: Any shape.

    Example:
        >>> is_sharded(torch.zeros(2))
        False
    """
    return hasattr(tensor, "placements")


def _move(moved: Tensor, tensor: Tensor) -> Tensor:
    """Return the tensor on the device of `moved`, in float64 if the device has it."""
    if moved.device.type == "mps":
        return moved.float()
    return moved.to(tensor.dtype) if tensor.is_meta else tensor.to(moved.device)
