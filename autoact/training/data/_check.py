"""Check of the data before hours are spent on them: empty parts, and values that are no numbers."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.utilities.combined_loader import CombinedLoader

from autoact.errors import DataError
from autoact.training._compat import restored_randomness
from autoact.training.data._group_batches import has_groups
from autoact.training.data._opened import Part
from autoact.training.data._parts import DataParts, batches_of

_KEPT = 8  # doubtful batches of training data that are kept to be tried, as many as a loader may prefetch


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubtfulBatch:
    """A batch with NaN or infinity among its numbers, which a loss may leave out, or not.

    Attributes:
        part: Of the data.
        batch: Its number, from 0.
        values: How many values are NaN or infinite.
        total: Out of how many.
        content: The batch, as a training step gets it; None for what is only counted.

    Example:
        >>> doubtful = DoubtfulBatch(part="training", batch=2, values=1, total=16)
        >>> print(doubtful)
        The training data hold 1 value that is NaN or infinite in batch 2 (of 16 there)
    """

    part: Part
    batch: int
    values: int
    total: int
    content: Any = None

    def __str__(self) -> str:
        values = "1 value that is" if self.values == 1 else f"{self.values} values that are"
        return (
            f"The {self.part} data hold {values} NaN or infinite in batch {self.batch} "
            f"(of {self.total} there)"
        )

    def refused(self, why: str) -> DataError:
        """Return the error that says so.

        Args:
            why: What a model makes of the batch: half a sentence.
        """
        return DataError(
            f"{self}, and {why}. Remove or fill such rows before the search, or leave them out of the loss."
        )


def check(parts: DataParts, seconds: float = 10.0, trainer: Trainer | None = None) -> list[DoubtfulBatch]:
    """Refuse empty training or selection data, and find NaN and infinity in their floating tensors.

    Comparison data are not read: of a test loader that was given, only lengths are asked for.

    Args:
        parts: What `split` returned.
        seconds: Time to spend; data that take longer to read are checked in part.
        trainer: What a data module finds as its `trainer`, if it has none; None: a Trainer with defaults.

    Returns:
        The batches with values that are no numbers, training data first. Of these the eight with the
        largest share of them carry their content, and the first in each place of a batch.

    Raises:
        DataError: A part is empty, or a `GroupBatchSampler` was given the groups of other rows.

    Example:
        >>> from torch.utils.data import DataLoader
        >>> from autoact.training import split
        >>> data = split((DataLoader([0.5, 1.5]), DataLoader([float("nan"), 1.0]), DataLoader([2.0])))
        >>> print(*check(data))
        The selection data hold 1 value that is NaN or infinite in batch 0 (of 1 there)
    """
    if parts.source == "test loader" and isinstance(parts.data, tuple | list):
        if _length(parts.data[2]) == 0:
            raise DataError(  # a loader that a data module would have to make is left alone
                "The test data are empty: the loader gives no batch. Give test data, or none at all: half of "
                "the validation data then compare."
            )
        has_groups(parts.data[2])  # of as many rows as there are
    with restored_randomness():
        training, selection = _loaders(parts, trainer)
        found = _doubtful("training", _steps(training), time.monotonic() + seconds / 2)
        return [*found, *_doubtful("selection", batches_of(selection), time.monotonic() + seconds / 2)]


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


def _doubtful(part: Part, batches: Iterator[Any], deadline: float) -> list[DoubtfulBatch]:
    """Return the doubtful batches; refuse a part that has no batch."""
    batch, found = -1, list[DoubtfulBatch]()
    first, worst = dict[int, DoubtfulBatch](), list[DoubtfulBatch]()
    for batch, content in enumerate(batches):
        wrong = {place: each for place, each in enumerate(map(_wrong, _tensors(content))) if each[0]}
        if wrong:
            values, total = map(sum, zip(*wrong.values(), strict=True))
            found.append(DoubtfulBatch(part=part, batch=batch, values=values, total=total))
            kept = replace(found[-1], content=content)
            first = {**dict.fromkeys(wrong, kept), **first}
            worst = sorted([*worst, kept], key=lambda each: -each.values / each.total)[:_KEPT]
        if time.monotonic() > deadline:
            break
    if batch < 0:
        raise DataError(
            f"The {part} data are empty: the loader gives no batch. "
            "Check the data set's length, and drop_last with a batch larger than the data."
        )
    kept_batches = {each.batch: each for each in (*first.values(), *worst)}
    return found if part == "selection" else [kept_batches.get(each.batch, each) for each in found]


def _steps(loader: Any) -> Iterator[Any]:
    """Give the batches of training data as training steps get them: one of each loader of a collection."""
    if isinstance(loader, Mapping | list | tuple):
        loader = CombinedLoader(loader, "max_size_cycle")
    if isinstance(loader, CombinedLoader):
        return (content for content, _, _ in loader)
    return iter(loader)


def _wrong(tensor: torch.Tensor) -> tuple[int, int]:
    """Return how many values of a tensor are NaN or infinite, and how many it has."""
    if not tensor.is_floating_point():
        return 0, tensor.numel()
    return int(tensor.numel() - torch.isfinite(tensor).sum()), tensor.numel()


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
