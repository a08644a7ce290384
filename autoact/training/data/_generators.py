"""Random generators of loaders, wherever the loaders are nested."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch.utils.data import DataLoader


def generators(data: Iterable[Any]) -> Iterator[torch.Generator]:
    """Iterate over the loaders' own random generators.

    Args:
        data: Loaders, or lists, tuples and mappings of them; anything else is passed over.

    Example:
        >>> own = torch.Generator()
        >>> found = generators([{"a": DataLoader([0, 1], shuffle=True, generator=own)}, None])
        >>> {generator is own for generator in found}
        {True}
    """
    for item in data:
        if isinstance(item, Mapping):
            yield from generators(item.values())
        elif isinstance(item, list | tuple):
            yield from generators(item)
        elif isinstance(item, DataLoader):
            own = (item.generator, getattr(item.sampler, "generator", None))
            yield from (generator for generator in own if generator is not None)
