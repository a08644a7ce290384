"""Compatibility: torch's loaders give batches of tensors that lie in memory by one indexing each.

A `DataLoader` asks a `TensorDataset` for one row after the other and stacks them: a third of the time in
which a perceptron trains on digits. What is given is the same, bit by bit, and no random number is drawn.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Subset, TensorDataset, get_worker_info
from torch.utils.data._utils import collate, fetch

_FETCHER = vars(fetch).get("_MapDatasetFetcher")  # None in a version of torch that has another
_READS = (TensorDataset.__getitem__, getattr(Subset, "__getitems__", None))


@contextmanager
def whole_batches() -> Iterator[None]:
    """Let loaders of this process index whole batches where nobody can tell.

    Only data sets that are exactly torch's `TensorDataset`, or a `Subset` of one, with torch's own collation.

    Example:
        >>> from torch.utils.data import DataLoader
        >>> loader = DataLoader(TensorDataset(torch.arange(3)), batch_size=2)
        >>> with whole_batches():
        ...     list(loader)
        [[tensor([0, 1])], [tensor([2])]]
    """
    if _FETCHER is None:
        yield
        return
    before = _FETCHER.fetch

    def fetched(self: Any, places: Any) -> Any:
        found = _whole(self.dataset, places) if _collates_plainly(self) else None
        return before(self, places) if found is None else found

    _FETCHER.fetch = fetched
    try:
        yield
    finally:
        _FETCHER.fetch = before


def _collates_plainly(fetcher: Any) -> bool:
    """Tell whether a fetcher stacks rows as torch does by itself, in this process."""
    return (
        fetcher.auto_collation
        and fetcher.collate_fn is collate.default_collate
        and get_worker_info() is None  # workers stack in shared memory
        and all(_is_torchs(function) for function in collate.default_collate_fn_map.values())
    )


def _is_torchs(function: Callable[..., Any]) -> bool:
    return function.__module__ == collate.__name__


def _whole(dataset: Any, places: Sequence[Any]) -> list[Tensor] | None:
    """Return the rows of a data set at some places; None where it must be asked for each of them."""
    while type(dataset) is Subset and _is_read_plainly(dataset):
        indices = dataset.indices
        places = [indices[place] for place in places]
        dataset = dataset.dataset
    if type(dataset) is not TensorDataset or not _is_read_plainly(dataset) or {*map(type, places)} != {int}:
        return None
    if not all(map(_is_plain, dataset.tensors)):
        return None
    rows = torch.tensor(places)
    return [tensor[rows] for tensor in dataset.tensors]


def _is_read_plainly(dataset: Any) -> bool:
    """Tell whether nobody has put other methods in place of torch's, in the class or in the object."""
    own = vars(dataset)
    reads = (TensorDataset.__getitem__, getattr(Subset, "__getitems__", None))
    return reads == _READS and not hasattr(TensorDataset, "__getitems__") and "__getitems__" not in own


def _is_plain(tensor: Tensor) -> bool:
    return (
        type(tensor) is Tensor
        and tensor.layout is torch.strided
        and tensor.is_contiguous()
        and not tensor.requires_grad
        and not tensor.is_quantized
        and not tensor.is_nested
    )
