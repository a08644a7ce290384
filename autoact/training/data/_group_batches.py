"""Batches of comparison rows that belong together: each is evidence once, however many rows it has."""

from collections.abc import Hashable, Iterable, Iterator, Sized
from typing import Any

from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from autoact.errors import ConfigurationError, DataError, counted
from autoact.training.data._overlap import data_loaders

_MOST = 64  # batches: what a verdict keeps


class GroupBatchSampler(Sampler[list[int]]):
    """Batches of whole groups of rows (the rows of one patient, say), for the loader that compares.

    A verdict takes batches of this sampler as they are: its interval then holds for other groups, not only
    for other rows of these. Elsewhere rows count as independent.

    Args:
        groups: The group of each row of the data set, in its order.
        most: Batches at most, at least 1; where there are more groups, some share one.

    Raises:
        ConfigurationError: `most` is less.

    Example:
        >>> from torch.utils.data import DataLoader
        >>> rows = [10, 11, 12, 13]
        >>> loader = DataLoader(rows, batch_sampler=GroupBatchSampler(["a", "b", "b", "a"]))
        >>> [batch.tolist() for batch in loader]
        [[10, 13], [11, 12]]
    """

    def __init__(self, groups: Iterable[Hashable] | Tensor, most: int = _MOST) -> None:
        if most < 1:
            raise ConfigurationError(f"most is {most}; it must be at least 1: how many batches there may be.")
        numbers: dict[Hashable, int] = {}
        batches: dict[int, list[int]] = {}
        # no two numbers of a tensor are equal to a dict
        given = groups.tolist() if isinstance(groups, Tensor) else groups
        for row, group in enumerate(given):
            number = numbers.setdefault(group, len(numbers))
            batches.setdefault(number % most, []).append(row)
        self._batches = list(batches.values())

    def __iter__(self) -> Iterator[list[int]]:
        """Iterate over the batches."""
        return iter(self._batches)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._batches)


def has_groups(loaders: Any) -> bool:
    """Tell whether all loaders, or a collection of them, give whole groups.

    Args:
        loaders: A loader; a list, tuple, mapping or `CombinedLoader` of them.

    Raises:
        DataError: A data set has other rows than those whose groups were given.

    Example:
        >>> from torch.utils.data import DataLoader
        >>> has_groups([DataLoader([1, 2])])
        False
    """
    grouped = [_is_grouped(loader) for loader in data_loaders(loaders)]
    return bool(grouped) and all(grouped)


def _is_grouped(loader: DataLoader[Any]) -> bool:
    sampler = loader.sampler if loader.batch_sampler is None else loader.batch_sampler
    if not isinstance(sampler, GroupBatchSampler):
        return False
    given, data = sum(map(len, sampler)), loader.dataset
    rows = len(data) if isinstance(data, Sized) else given
    if given != rows:
        raise DataError(
            f"GroupBatchSampler was given the groups of {counted(given, 'row')}, and the data set of its "
            f"loader has {rows:,}: the others would compare nothing. Give the group of each row."
        )
    return True
