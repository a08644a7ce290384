"""Check of the data before hours are spent on them: empty parts and values that are no numbers."""

import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from lightning.pytorch import Trainer

from autoact.errors import DataError
from autoact.training._compat import restored_randomness
from autoact.training.data._parts import DataParts


def check(parts: DataParts, seconds: float = 10.0, trainer: Trainer | None = None) -> None:
    """Refuse empty training or selection data, and NaN or infinity in their floating tensors.

    Comparison data are not read: of a test loader that was given, only the length is asked for.

    Args:
        parts: What `split` returned.
        seconds: Time to spend; data that take longer to read are checked in part.
        trainer: What a data module finds as its `trainer`, if it has none; None: a Trainer with defaults.

    Raises:
        DataError: What is wrong, in which part and batch.

    Example:
        >>> from torch.utils.data import DataLoader
        >>> from autoact.training import split
        >>> check(split((DataLoader([0.5, 1.5]), DataLoader([float("nan"), 1.0]), DataLoader([2.0]))))
        Traceback (most recent call last):
            ...
        autoact.errors.DataError: The selection data hold 1 value that is NaN or infinite in batch 0 (of 1 ...
    """
    if parts.source == "test loader" and isinstance(parts.data, tuple | list) and _length(parts.data[2]) == 0:
        raise DataError(  # a loader that a data module would have to make is left alone
            "The test data are empty: the loader gives no batch. Give test data, or none at all: half of the "
            "validation data then compare."
        )
    with restored_randomness():
        for name, loader in zip(("training", "selection"), _loaders(parts, trainer), strict=True):
            _check_part(name, loader, time.monotonic() + seconds / 2)


def _length(loader: Any) -> int | None:
    """Return how many batches a loader, or a collection of loaders, gives; None where nobody knows."""
    if isinstance(loader, Mapping):
        return _length(list(loader.values()))
    if isinstance(loader, list | tuple):
        lengths = [_length(inner) for inner in loader]
        return None if None in lengths else sum(length for length in lengths if length is not None)
    try:
        return len(loader)
    except (TypeError, NotImplementedError, RuntimeError):  # no __len__, or one that works only when iterated
        return None


def _loaders(parts: DataParts, trainer: Trainer | None) -> tuple[Any, Any]:
    try:
        return parts.open().loaders(trainer)
    except ValueError as error:
        if "num_samples" in str(error):  # what torch's RandomSampler says of an empty data set
            raise DataError(
                "The training or validation data are empty: their data set has no rows."
            ) from error
        raise


def _check_part(name: str, loader: Any, deadline: float) -> None:
    batch = -1
    for batch, content in enumerate(_batches(loader)):
        _check_batch(name, batch, content)
        if time.monotonic() > deadline:
            return
    if batch < 0:
        raise DataError(
            f"The {name} data are empty: the loader gives no batch. "
            "Check the data set's length, and drop_last with a batch larger than the data."
        )


def _batches(loader: Any) -> Iterator[Any]:
    """Give the batches of a loader, or of each loader of a collection."""
    if isinstance(loader, Mapping):
        return itertools.chain.from_iterable(_batches(inner) for inner in loader.values())
    if isinstance(loader, list | tuple):
        return itertools.chain.from_iterable(_batches(inner) for inner in loader)
    return iter(loader)


def _check_batch(name: str, batch: int, content: Any) -> None:
    for tensor in _tensors(content):
        if not tensor.is_floating_point():
            continue
        wrong = int(tensor.numel() - torch.isfinite(tensor).sum())
        if wrong:
            values = "1 value that is" if wrong == 1 else f"{wrong} values that are"
            raise DataError(
                f"The {name} data hold {values} NaN or infinite in batch {batch} "
                f"(of {tensor.numel()} there). Remove or fill such rows before the search."
            )


def _tensors(content: Any) -> Iterator[torch.Tensor]:
    if isinstance(content, torch.Tensor):
        yield content
    elif isinstance(content, Mapping):
        for value in content.values():
            yield from _tensors(value)
    elif isinstance(content, list | tuple):
        for value in content:
            yield from _tensors(value)
    elif is_dataclass(content):
        for item in fields(content):
            yield from _tensors(getattr(content, item.name))
