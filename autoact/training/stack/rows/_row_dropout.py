"""Dropout of a stack: each network leaves out the units that it would leave out alone."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from autoact.training._compat_vmap import for_all

Draw: TypeAlias = "Callable[[Callable[[], Tensor]], Tensor]"


class RowDropout(nn.Module):
    """`nn.Dropout` of a stack; for use under `torch.vmap`, on a CPU.

    The mask is drawn as a plain training draws it, from the random numbers of each network's seed.

    Args:
        p: Share of units to leave out, in [0, 1].
        draw: Calls a function with the random numbers of each network and returns what it gave, (N, ...) or,
            if all are of one seed, (1, ...).

    Example:
        >>> layer = RowDropout(0.5, lambda mask: torch.stack([mask(), mask()]))
        >>> kept = torch.vmap(lambda row, x: torch.func.functional_call(layer, {"row": row}, (x,)))(
        ...     torch.zeros(2), torch.ones(2, 8)
        ... )
        >>> sorted(set(kept.flatten().tolist())), bool((kept[0] == kept[1]).all())
        ([0.0, 2.0], False)
    """

    row: Tensor

    def __init__(self, p: float, draw: Draw) -> None:
        super().__init__()
        self.p, self._draw = p, draw
        self.register_buffer("row", torch.zeros(()))  # makes every call one of the whole stack

    def forward(self, x: Tensor) -> Tensor:
        """Return the input, in training without the units that are left out."""
        return for_all(self.of_rows, self.row, x) if self.training else x

    def of_rows(self, x: Tensor) -> Tensor:
        """Return what is left of a whole stack.

        Args:
            x: (N, ...), one row for each network.
        """
        return x * self._draw(partial(_mask, x.shape[1:], x.dtype, self.p))


def _mask(shape: Sequence[int], dtype: torch.dtype, p: float) -> Tensor:
    """Return what dropout multiplies by, drawn as it draws it."""
    if p in (0, 1):
        return dropout(torch.ones(shape, dtype=dtype), p)  # draws nothing
    return torch.empty(shape, dtype=dtype).bernoulli_(1 - p).div_(1 - p)


def _is_plain(module: nn.Module) -> bool:
    return type(module) is nn.Dropout and not module.inplace


def put_dropouts(module: nn.Module, draw: Draw) -> None:
    """Put a `RowDropout` wherever a module has `nn.Dropout`.

    Args:
        module: Is changed.
        draw: As a `RowDropout` takes it.

    Example:
        >>> net = nn.Sequential(nn.Dropout(0.2))
        >>> put_dropouts(net, lambda mask: mask()[None])
        >>> type(net[0]).__name__, net[0].p
        ('RowDropout', 0.2)
    """
    made: dict[nn.Module, RowDropout] = {}
    for part in list(module.modules()):
        for name, child in part._modules.items():
            if child is not None and _is_plain(child):
                assert isinstance(child, nn.Dropout)
                own = made.setdefault(child, RowDropout(child.p, draw))
                own.train(child.training)
                part._modules[name] = own


@contextmanager
def recorded_dropouts(module: nn.Module) -> Iterator[list[Callable[[], Tensor]]]:
    """Record what `nn.Dropout` draws in a module, to be drawn again.

    Args:
        module: Runs meanwhile.

    Example:
        >>> layer = nn.Dropout()
        >>> with recorded_dropouts(layer) as masks:
        ...     _ = layer(torch.ones(3))
        >>> masks[0]().shape
        torch.Size([3])
    """
    found: list[Callable[[], Tensor]] = []

    def record(layer: nn.Module, given: tuple[Any, ...]) -> None:
        assert isinstance(layer, nn.Dropout)
        if layer.training:
            found.append(partial(_mask, given[0].shape, given[0].dtype, layer.p))

    hooks = [part.register_forward_pre_hook(record) for part in module.modules() if _is_plain(part)]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
