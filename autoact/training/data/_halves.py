"""Halves of validation data, seeded: one guides a search, the other compares its result."""

from typing import Any

import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
)

from autoact.errors import DataError, counted

_REMEDY = (
    "Give a test loader (test_dataloader of the data module, or a third loader): it is then used instead."
)


def halve(loaders: Any, seed: int) -> tuple[Any, Any]:
    """Return two loaders (or collections of them) over disjoint seeded halves of the same rows.

    Args:
        loaders: A `DataLoader`, or a list, tuple or dict of them.
        seed: Decides which rows go where; the same seed gives the same halves.

    Returns:
        The half for selection and the half for comparison, with the batch size, collate function and workers
        of the original.

    Raises:
        DataError: The rows cannot be divided: an iterable dataset, a custom batch sampler, fewer than 2 rows.

    Example:
        >>> from torch.utils.data import DataLoader
        >>> first, second = halve(DataLoader(list(range(10)), batch_size=2), seed=0)
        >>> len(first.dataset), len(second.dataset)
        (5, 5)
    """
    if isinstance(loaders, dict):
        pairs = {name: halve(loader, seed) for name, loader in loaders.items()}
        return {n: pair[0] for n, pair in pairs.items()}, {n: pair[1] for n, pair in pairs.items()}
    if isinstance(loaders, list | tuple):
        halves = [halve(loader, seed) for loader in loaders]
        return [pair[0] for pair in halves], [pair[1] for pair in halves]
    return _halve_loader(loaders, seed)


def _halve_loader(loader: Any, seed: int) -> tuple[DataLoader[Any], DataLoader[Any]]:
    rows = _rows(loader)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed)).tolist()
    middle = (len(rows) + 1) // 2
    first, second = sorted(order[:middle]), sorted(order[middle:])
    return _rebuild(loader, [rows[i] for i in first]), _rebuild(loader, [rows[i] for i in second])


def _rows(loader: Any) -> list[int]:
    """Return the indices that a loader visits, each once."""
    if not isinstance(loader, DataLoader):
        raise DataError(
            f"The validation data come as {type(loader).__name__}, which cannot be halved. {_REMEDY}"
        )
    if isinstance(loader.dataset, IterableDataset):
        raise DataError(f"The validation data are an iterable dataset, which cannot be halved. {_REMEDY}")
    if type(loader.batch_sampler) not in (BatchSampler, type(None)):
        name = type(loader.batch_sampler).__name__
        raise DataError(
            f"The validation loader has its own batch sampler ({name}) and cannot be halved. {_REMEDY}"
        )
    if type(loader.sampler) in (SequentialSampler, RandomSampler):
        rows = list(range(len(loader.dataset)))  # type: ignore[arg-type]  # map-style datasets have a length
    else:
        rows = sorted(set(loader.sampler))
    if len(rows) < 2:
        raise DataError(
            f"The validation data have {counted(len(rows), 'row')}; halving them takes at least 2. {_REMEDY}"
        )
    return rows


def _rebuild(loader: DataLoader[Any], rows: list[int]) -> DataLoader[Any]:
    """Return a loader over some rows with the settings of another; `drop_last` could empty it."""
    settings: dict[str, Any] = {
        "batch_size": loader.batch_size,
        "shuffle": type(loader.sampler) is RandomSampler,
        "num_workers": loader.num_workers,
        "collate_fn": loader.collate_fn,
        "pin_memory": loader.pin_memory,
        "timeout": loader.timeout,
        "worker_init_fn": loader.worker_init_fn,
        "multiprocessing_context": loader.multiprocessing_context,
        "generator": loader.generator,
        "persistent_workers": loader.persistent_workers,
    }
    if loader.num_workers:
        settings["prefetch_factor"] = loader.prefetch_factor
    return DataLoader(Subset(loader.dataset, rows), **settings)
