"""Memory that a function keeps until its backward pass."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Bytes that one call keeps for its backward pass.

    Attributes:
        total: Bytes of all tensors that are kept; views of one tensor count once, parameters not at all.
        output: Those of them that are the call's own output. A linear or convolution layer that comes next
            keeps it anyway, so that it costs nothing there.

    Example:
        >>> Kept(total=4096, output=4096).total
        4096
    """

    total: int
    output: int


def kept_for_backward(call: Callable[[], Tensor], parameters: Iterable[Tensor] = ()) -> Kept:
    """Measure what a call keeps for backward.

    Args:
        call: Returns a tensor that requires a gradient.
        parameters: Tensors that exist anyway.

    Returns:
        Bytes kept in all, and those of the call's own output.

    Example:
        >>> x = torch.randn(100, requires_grad=True)
        >>> kept_for_backward(lambda: torch.relu(x))
        Kept(total=400, output=400)
        >>> kept_for_backward(lambda: torch.nn.functional.silu(x))
        Kept(total=400, output=0)
    """
    storages: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = call()
    known = {parameter.untyped_storage().data_ptr() for parameter in parameters}
    total = sum(size for pointer, size in storages.items() if pointer not in known)
    return Kept(total=total, output=storages.get(result.untyped_storage().data_ptr(), 0))
