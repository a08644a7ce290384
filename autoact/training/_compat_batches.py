"""Compatibility: torch's loaders give batches of tensors that lie in memory by one indexing each.

A `DataLoader` asks a `TensorDataset` for one row after the other and stacks them: a third of the time in
which a perceptron trains on digits. What is given is the same, bit by bit, and no random number is drawn.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    get_worker_info,
)
from torch.utils.data._utils import collate, fetch

_FETCHER = vars(fetch).get("_MapDatasetFetcher")  # None in a version of torch that has another
_READS = (TensorDataset.__getitem__, getattr(Subset, "__getitems__", None), Subset.__getitem__)


@contextmanager
def whole_batches() -> Iterator[None]:
    """Let loaders of this process index whole batches where nobody can tell.

    Only data sets that are exactly torch's `TensorDataset`, or a `Subset` of one, with torch's own collation.

    Example:
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
        here = get_worker_info() is None  # workers stack in shared memory
        plain = here and _collates_plainly(self.auto_collation, self.collate_fn)
        found = _whole(self.dataset, places) if plain else None
        return before(self, places) if found is None else found

    _FETCHER.fetch = fetched
    try:
        yield
    finally:
        _FETCHER.fetch = before


def ordered_at_once(loader: DataLoader[Any]) -> bool:
    """Tell whether an epoch of rows in memory is the same, whenever batches after the first are asked for.

    Args:
        loader: Any loader.

    Example:
        >>> rows = TensorDataset(torch.arange(3))
        >>> ordered_at_once(DataLoader(rows, shuffle=True))
        True
        >>> ordered_at_once(DataLoader(rows, shuffle=True, generator=torch.Generator()))
        False
    """
    batches: Any = loader.sampler if loader.batch_sampler is None else loader.batch_sampler
    if type(batches) is not BatchSampler or loader.num_workers or loader.pin_memory:
        return False
    order = batches.sampler
    if type(order) is RandomSampler:
        fixed = order.generator is None  # it makes one, and draws its seed before the first batch
    else:
        fixed = type(order) in (SequentialSampler, SubsetRandomSampler)
    collated = _collates_plainly(loader._auto_collation, loader.collate_fn)
    return fixed and collated and _tensors(loader.dataset) is not None


def _collates_plainly(rows: bool, function: object) -> bool:
    """Tell whether rows are stacked, or whole batches taken, as torch does by itself."""
    plain = collate.default_collate if rows else collate.default_convert
    return function is plain and all(map(_is_torchs, collate.default_collate_fn_map.values()))


def _is_torchs(function: Callable[..., Any]) -> bool:
    return function.__module__ == collate.__name__


def _whole(dataset: Any, places: Any) -> list[Tensor] | None:
    """Return the rows of a data set at some places; None where it must be asked for them."""
    if type(places) is not list:
        return None
    for subset in _subsets(dataset):
        places = [subset.indices[place] for place in places]
    tensors = _tensors(dataset)
    if tensors is None or {*map(type, places)} != {int}:
        return None
    rows = torch.tensor(places)
    return [tensor[rows] for tensor in tensors]


def _subsets(dataset: Any) -> Iterator[Subset[Any]]:
    """Give torch's own subsets around a data set, from the outside."""
    while type(dataset) is Subset and _is_read_plainly(dataset):
        yield dataset
        dataset = dataset.dataset


def _tensors(dataset: Any) -> Sequence[Tensor] | None:
    """Return the tensors behind a data set and its subsets; None where it is read in another way."""
    for subset in _subsets(dataset):
        dataset = subset.dataset
    plain = type(dataset) is TensorDataset and _is_read_plainly(dataset)
    return dataset.tensors if plain and all(map(_is_plain, dataset.tensors)) else None


def _is_read_plainly(dataset: Any) -> bool:
    """Tell whether nobody has put other methods in place of torch's, in the class or in the object."""
    reads = (TensorDataset.__getitem__, getattr(Subset, "__getitems__", None), Subset.__getitem__)
    return (
        reads == _READS and not hasattr(TensorDataset, "__getitems__") and "__getitems__" not in vars(dataset)
    )


def _is_plain(tensor: Tensor) -> bool:
    return (
        type(tensor) is Tensor
        and tensor.layout is torch.strided
        and tensor.is_contiguous()
        and not tensor.requires_grad
        and not tensor.is_quantized
        and not tensor.is_nested
    )
