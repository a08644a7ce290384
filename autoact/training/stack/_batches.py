"""Batches of a stack: one for all networks, or one for each seed, put together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from autoact.training.stack._member import NotStackable


@dataclass(frozen=True, slots=True)
class StackedBatch:
    """A batch whose tensors can be vmapped.

    Attributes:
        tensors: Leaves; with a first dimension of networks where `dims` is 0.
        dims: 0 or None for each.
        structure: From which `of` makes a batch again.
        first: The batch of the first network's seed.
    """

    tensors: list[Tensor]
    dims: list[int | None]
    structure: tuple[list[Any], Any]
    first: Any

    def of(self, tensors: Sequence[Tensor]) -> Any:
        """Return the batch of one network, with its tensors in place of the stacked ones."""
        leaves, spec = self.structure
        given = iter(tensors)
        return pytree.tree_unflatten(
            [next(given) if isinstance(leaf, Tensor) else leaf for leaf in leaves], spec
        )


def stacked(batches: Sequence[Any], rows: Tensor | None) -> StackedBatch:
    """Put the batches of several seeds together.

    Args:
        batches: One for each seed.
        rows: Number of its seed for each network; None if every network has its own.

    Raises:
        NotStackable: They differ in more than the values of tensors.

    Example:
        >>> found = stacked([torch.zeros(2), torch.ones(2)], torch.tensor([0, 1, 1]))
        >>> found.tensors[0].sum(1), found.dims
        (tensor([0., 2., 2.]), [0])
    """
    flat = [pytree.tree_flatten(batch) for batch in batches]
    leaves, spec = flat[0]
    if len(batches) == 1:
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        return StackedBatch(tensors, [None] * len(tensors), (leaves, spec), batches[0])
    if any(other != spec for _, other in flat):
        raise NotStackable("the batches of two seeds differ in their form")
    tensors, dims = list[Tensor](), list[int | None]()
    for each in zip(*(own for own, _ in flat), strict=True):
        if not isinstance(each[0], Tensor):
            _require_equal(each)
            continue
        if any(other.shape != each[0].shape or other.dtype != each[0].dtype for other in each):
            raise NotStackable("the batches of two seeds differ in size")
        shared = all(torch.equal(each[0], other) for other in each[1:])
        dims.append(None if shared else 0)
        tensors.append(each[0] if shared else _rows(torch.stack(each), rows))
    return StackedBatch(tensors, dims, (leaves, spec), batches[0])


def _rows(tensor: Tensor, rows: Tensor | None) -> Tensor:
    return tensor if rows is None else tensor.index_select(0, rows)


def _require_equal(values: Sequence[Any]) -> None:
    kind = type(values[0])
    if kind not in (int, float, str, bool, type(None)) or any(value != values[0] for value in values):
        raise NotStackable(f"the batches hold a {kind.__name__} that differs from seed to seed")
