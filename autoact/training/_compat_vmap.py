"""Compatibility: `torch.vmap` of what is called at every step, with less around it than torch has.

torch flattens all arguments into trees and back at each call, and sends a function of its own way through
three dispatchers in Python: most of the time in which a stack of small networks trains.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

_MISSING = ""  # in this version of torch
try:
    from torch._C import _functorch as functorch
    from torch._functorch import vmap
    from torch._functorch.pyfunctorch import temporarily_pop_interpreter_stack
except ImportError as error:
    _MISSING = str(error)

Places: TypeAlias = "list[tuple[dict[str, Any], str, str]]"


class Level:
    """One vmap while it runs.

    Args:
        number: Of the level.
        size: Number of networks.
    """

    def __init__(self, number: int, size: int) -> None:
        self._number, self._size = number, size

    def inside(self, tensor: Tensor) -> Tensor:
        """Return what one of the networks sees of (N, ...)."""
        return functorch._add_batch_dim(tensor, 0, self._number)

    def outside(self, tensor: Tensor) -> Tensor:
        """Return what all networks made, (N, ...), of what one of them made."""
        found: Tensor = functorch._remove_batch_dim(tensor, self._number, self._size, 0)
        return found


@contextmanager
def vmapped(size: int) -> Iterator[Level]:
    """Run what is within for many networks at once, as `torch.vmap(..., randomness="error")` does.

    Args:
        size: Number of networks, N.

    Raises:
        RuntimeError: This version of torch lacks what is needed.

    Example:
        >>> with vmapped(3) as level:
        ...     row = level.inside(torch.ones(3, 2))
        ...     found = level.outside(row.sum())
        >>> row.shape, found
        (torch.Size([2]), tensor([2., 2., 2.]))
    """
    if _MISSING:
        raise RuntimeError(f"stacks are not possible with torch {torch.__version__}: {_MISSING}")
    load_decompositions: Callable[[], None] = vars(vmap)["lazy_load_decompositions"]
    load_decompositions()
    with vmap.vmap_increment_nesting(size, "error") as number:
        yield Level(number, size)


def for_all(function: Callable[..., Tensor], row: Tensor, *tensors: Tensor) -> Tensor:
    """Call a function once for all networks, with (N, ...), from where each has its own tensors.

    Args:
        function: Takes and returns (N, ...).
        row: That differs from network to network.
        tensors: What one network gives.

    Raises:
        RuntimeError: The innermost transform is not the vmap over networks.

    Example:
        >>> with vmapped(2) as level:
        ...     one = level.inside(torch.tensor([1.0, 2.0]))
        ...     level.outside(for_all(lambda x: x - x.mean(), one, one))
        tensor([-0.5000,  0.5000])
    """
    interpreter = functorch.peek_interpreter_stack()
    if interpreter is None:
        raise RuntimeError("an activation of a stack runs for the whole stack only")
    if interpreter.key() != functorch.TransformType.Vmap:
        raise RuntimeError("the step differentiates by itself")
    number = interpreter.level()
    if functorch._unwrap_batched(row, number)[1] is None:
        raise RuntimeError("the step uses torch.vmap itself")
    size = functorch.CVmapInterpreterPtr(interpreter).batchSize()
    given = [_whole(*functorch._unwrap_batched(tensor, number), size) for tensor in tensors]
    with temporarily_pop_interpreter_stack():
        found = function(*given)
    return functorch._add_batch_dim(found, 0, number)


def _whole(tensor: Tensor, dim: int | None, size: int) -> Tensor:
    if dim is None:
        return tensor.expand(size, *tensor.shape)
    return tensor if dim == 0 else tensor.movedim(dim, 0)


def places(module: nn.Module) -> Places:
    """Return where a module and its parts hold parameters and buffers, each with its name in the module.

    Example:
        >>> [name for _, _, name in places(nn.Linear(2, 1))]
        ['weight', 'bias']
    """
    named = (*module.named_parameters(), *module.named_buffers())
    names = {id(tensor): name for name, tensor in named}
    return [
        (holder, key, names[id(tensor)])
        for part in module.modules()
        for holder in (part._parameters, part._buffers)
        for key, tensor in holder.items()
        if tensor is not None
    ]


@contextmanager
def holding(where: Sequence[tuple[dict[str, Any], str, str]], given: Mapping[str, Tensor]) -> Iterator[None]:
    """Let a module hold other tensors, as `torch.func.functional_call` does.

    Args:
        where: What `places` returned.
        given: Tensors by name.

    Example:
        >>> layer = nn.Linear(1, 1, bias=False)
        >>> with holding(places(layer), {"weight": torch.tensor([[2.0]])}):
        ...     doubled = layer(torch.ones(1))
        >>> doubled, isinstance(layer.weight, nn.Parameter)
        (tensor([2.]), True)
    """
    before = [holder[key] for holder, key, _ in where]
    try:
        for holder, key, name in where:
            holder[key] = given[name]
        yield
    finally:
        for (holder, key, _), tensor in zip(where, before, strict=True):
            holder[key] = tensor
