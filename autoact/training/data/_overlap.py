"""Overlap of parts of the data: rows that a model trains on and is judged by."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
)

from autoact.training._compat import restored_randomness
from autoact.training.data._parts import DataParts

Key = int | tuple[int, ...]
Indices = NDArray[np.int64]


def overlaps(parts: DataParts) -> list[str]:
    """Return a sentence for each two parts that hold the same rows of one data set object.

    No row is read. The test loader of a data module is not made for this; loaders that are none of torch's,
    or draw their rows otherwise than in order, shuffled or from a list, are passed over.

    Args:
        parts: What `split` returned.

    Example:
        >>> from autoact.training import split
        >>> rows = TensorDataset(__import__("torch").zeros(6))
        >>> overlaps(split((DataLoader(Subset(rows, [0, 1, 2])), DataLoader(Subset(rows, [2, 3, 4, 5])))))
        ['1 of 4 rows of the validation data is also in the training data.']
    """
    with restored_randomness():
        training, selection = parts.open().loaders()
        given = parts.data if isinstance(parts.data, tuple | list) else ()
        named = {"training": training, "validation": given[1] if given else selection}
        if parts.source == "test loader" and given:
            named["test"] = given[2]
        rows = {name: _rows(loader) for name, loader in named.items()}
    names = list(rows)
    pairs = [(later, before) for place, later in enumerate(names) for before in names[:place]]
    return [said for later, before in pairs if (said := _said(later, rows[later], before, rows[before]))]


def _said(name: str, own: Mapping[Key, Indices], other: str, others: Mapping[Key, Indices]) -> str:
    both = sum(np.intersect1d(rows, others[key]).size for key, rows in own.items() if key in others)
    if not both:
        return ""
    total = sum(np.unique(rows).size for rows in own.values())
    what = f"All {total}" if both == total else f"{both} of {total}"
    return f"{what} rows of the {name} data {'is' if both == 1 else 'are'} also in the {other} data."


def _rows(loader: Any) -> dict[Key, Indices]:
    """Return the rows that a loader, or a collection of them, visits, by data set."""
    found: dict[Key, Indices] = {}
    for each in data_loaders(loader):
        visited = _visited(each)
        for key, rows in _of(each.dataset, visited) if visited is not None else ():
            found[key] = np.concatenate([found[key], rows]) if key in found else rows
    return found


def data_loaders(loader: Any) -> Iterator[DataLoader[Any]]:
    """Iterate over torch's loaders in a loader, or in a collection of loaders.

    Args:
        loader: A loader; a list, tuple, mapping or `CombinedLoader` of them.
    """
    inner = getattr(loader, "flattened", loader)  # of a CombinedLoader
    if isinstance(inner, Mapping):
        inner = list(inner.values())
    if isinstance(inner, list | tuple):
        for each in inner:
            yield from data_loaders(each)
    elif isinstance(inner, DataLoader):
        yield inner


def _visited(loader: DataLoader[Any]) -> Indices | None:
    """Return the places that a loader visits in its data set; None where nobody knows."""
    if type(loader.batch_sampler) not in (BatchSampler, type(None)):
        return None
    if type(loader.sampler) in (SequentialSampler, RandomSampler):
        return np.arange(len(loader.dataset))  # type: ignore[arg-type]  # map-style datasets have a length
    return np.asarray(loader.sampler.indices) if type(loader.sampler) is SubsetRandomSampler else None


def _of(dataset: Any, places: Indices) -> Iterator[tuple[Key, Indices]]:
    """Give the data sets at the bottom of one, and the places in them."""
    while isinstance(dataset, Subset):
        dataset, places = dataset.dataset, np.asarray(dataset.indices)[places]
    if isinstance(dataset, ConcatDataset):
        start = 0
        for inner, end in zip(dataset.datasets, dataset.cumulative_sizes, strict=True):
            yield from _of(inner, places[(places >= start) & (places < end)] - start)
            start = end
    elif type(dataset) is TensorDataset:  # made twice of the same tensors, it has the same rows
        yield tuple(map(id, dataset.tensors)), places
    else:
        yield id(dataset), places
