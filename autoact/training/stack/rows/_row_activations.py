"""Activations of one layer in a stack: rows of equal activation together, each activation computed once."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import prelu

from autoact.nn import FixedActivation, InPlace, module_for
from autoact.spaces import Choice
from autoact.training._compat_vmap import for_all, vmapped

_SCATTERED = 2  # runs of equal activation for each of them; of more, rows are put into order


class RowActivations(nn.Module):
    """One layer of a stack of networks that differ in its activation; for use under `torch.vmap`.

    The price is that of one activation, whatever the number of networks. Slopes that a plain training would
    learn are parameters here, one for each network.

    Args:
        choices: For each network, its activation; networks of equal activation side by side cost least.
        channel_dim: Dimension of one network's input that per-channel parameters run along.
        in_place: What changes in place at the layer: "input" and "result" as in `FixedActivation`.

    Example:
        >>> layer = RowActivations([Choice("relu"), Choice("tanh"), Choice("relu")])
        >>> torch.vmap(lambda row, x: torch.func.functional_call(layer, {"row": row}, (x,)))(
        ...     torch.zeros(3), -torch.ones(3, 1)
        ... ).flatten()
        tensor([ 0.0000, -0.7616,  0.0000])
    """

    row: Tensor

    def __init__(
        self, choices: Sequence[Choice], *, channel_dim: int = 1, in_place: InPlace | None = None
    ) -> None:
        super().__init__()
        kinds = list(dict.fromkeys(choices))
        around = None if in_place == "itself" else in_place  # what is read of x later, is read of the result
        self._functions = [
            _batched(module_for(kind, channel_dim=channel_dim, in_place=around)) for kind in kinds
        ]
        self._slopes = [self._learn(function) for function in self._functions]
        self._slope_of = [self._slopes[kinds.index(choice)] for choice in choices]
        numbers = [kinds.index(choice) for choice in choices]
        self._order = torch.tensor(numbers).argsort(stable=True)
        self._places = self._order.argsort()
        runs = [(number, len(list(rows))) for number, rows in groupby(numbers)]
        self._sorted = len(runs) <= _SCATTERED * len(kinds)
        self._runs = runs if self._sorted else [(n, numbers.count(n)) for n in range(len(kinds))]
        self.register_buffer("row", torch.zeros(()))  # makes every call one of the whole stack

    def _learn(self, function: nn.Module) -> str | None:
        """Make the slopes of a PReLU parameters of this layer; return their name."""
        if not isinstance(function, nn.PReLU):
            return None
        name = f"weight_{len(self._parameters) + 1}" if self._parameters else "weight"
        self.register_parameter(name, function.weight)
        return name

    def slope_of(self, member: int) -> str | None:
        """Return the name of the parameter that a network learns here, None if it learns none."""
        return self._slope_of[member]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "RowActivations":
        """Move what is not registered, too."""
        for function in self._functions:
            if not isinstance(function, nn.PReLU):
                function._apply(fn)
        super()._apply(fn, recurse)
        self._order, self._places = (t.to(self.row.device) for t in (self._order, self._places))
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of every element."""
        slopes = [getattr(self, name) for name in self._slopes if name is not None]
        return for_all(lambda x, *slopes: self.of_rows(x, slopes), self.row, x, *slopes)

    def of_rows(self, x: Tensor, slopes: Sequence[Tensor]) -> Tensor:
        """Return the activations of a whole stack.

        Args:
            x: (N, ...), one row for each network.
            slopes: (N, ...) of each PReLU among the activations.
        """
        if self._sorted:
            return self._of_sorted(x, slopes)
        together = _Permuted.apply(x, self._order, self._places)
        y = self._of_sorted(together, [slope.index_select(0, self._order) for slope in slopes])
        return _Permuted.apply(y, self._places, self._order)

    def _of_sorted(self, x: Tensor, slopes: Sequence[Tensor]) -> Tensor:
        learned = dict(zip((name for name in self._slopes if name is not None), slopes, strict=True))
        parts, first = [], 0
        rows = x.split([count for _, count in self._runs])
        for (number, count), part in zip(self._runs, rows, strict=True):
            name = self._slopes[number]
            if name is None:
                parts.append(self._functions[number](part))
            else:
                parts.append(_prelu(part, learned[name].narrow(0, first, count)))
            first += count
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def extra_repr(self) -> str:
        """Return how many networks have which activation."""
        return ", ".join(f"{count} x {self._functions[number]}" for number, count in self._runs)


def _prelu(x: Tensor, slopes: Tensor) -> Tensor:
    """Return the PReLU of rows, each with its slopes."""
    with vmapped(len(x)) as level:
        return level.outside(prelu(level.inside(x), level.inside(slopes)))


def _batched(function: nn.Module) -> nn.Module:
    """Return a module for one network's input made one for many networks' inputs."""
    if isinstance(function, FixedActivation) and function.channel_dim >= 0:
        function.channel_dim += 1
    return function


class _Permuted(torch.autograd.Function):
    """Rows in another order. The backward of `index_select` fills and adds, which took half of a training."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, order: Tensor, inverse: Tensor) -> Tensor:
        ctx.inverse = inverse
        return x.index_select(0, order)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return gradients[0].index_select(0, ctx.inverse), None, None
