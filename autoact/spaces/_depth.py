"""Relative depth: which part of a stack of blocks a path stands in, whatever the number of blocks."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from autoact.errors import ConfigurationError, did_you_mean

_PARTS = {
    "half": ("first", "last"),
    "third": ("first", "middle", "last"),
    "quarter": ("first", "second", "third", "last"),
}
NAMES = tuple(f"{place} {part}" for part, places in _PARTS.items() for place in places)


@dataclass(frozen=True, slots=True)
class Depth:
    """A part of a stack: the blocks whose middle lies in [low, high) of the whole.

    Args:
        low: Where it begins, from 0.
        high: Where it ends, to 1.

    Example:
        >>> Depth.of("first quarter")
        Depth(low=0.0, high=0.25)
    """

    low: float
    high: float

    @classmethod
    def of(cls, given: Any) -> "Depth":
        """Return the part that a name such as "last third", or [low, high], stands for.

        Raises:
            ConfigurationError: Neither; lists the names.
        """
        if isinstance(given, str):
            return cls._named(" ".join(given.split()))
        ends = list(given) if isinstance(given, list | tuple) else []
        if len(ends) == 2 and all(isinstance(v, int | float) and not isinstance(v, bool) for v in ends):
            if 0 <= ends[0] < ends[1] <= 1:
                return cls(float(ends[0]), float(ends[1]))
        raise ConfigurationError(
            f"depth is one of {', '.join(NAMES)}, or [low, high] with 0 <= low < high <= 1; got {given!r}."
        )

    @classmethod
    def _named(cls, name: str) -> "Depth":
        if name not in NAMES:
            raise ConfigurationError(
                f"depth is one of {', '.join(NAMES)}, or [low, high]; got {name!r}."
                f"{did_you_mean(name, NAMES)}"
            )
        place, part = name.split()
        index, count = _PARTS[part].index(place), len(_PARTS[part])
        return cls(index / count, (index + 1) / count)

    def __contains__(self, position: float) -> bool:
        """Tell whether a relative position is in this part."""
        return self.low <= position < self.high


def block_of(path: str, after: int = 0) -> str:
    """Return the block of a stack that a path stands in: up to its first number, the path itself without one.

    Args:
        path: A layer path.
        after: Number of leading characters in which numbers do not count.

    Example:
        >>> block_of("encoder.layers.3.mlp.1"), block_of("head.act"), block_of("0.layers.3.act", after=9)
        ('encoder.layers.3', 'head.act', '0.layers.3')
    """
    found = re.compile(r"(?:^|(?<=\.))\d+(?=\.|$)").search(path, after)
    return path[: found.end()] if found else path


def positions(paths: Iterable[str], after: int = 0) -> dict[str, float]:
    """Return the relative depth, in (0, 1), of each path: the middle of its block among all blocks, in order.

    Example:
        >>> positions(["layers.0.act", "layers.1.act", "layers.1.gate", "layers.2.act", "layers.3.act"])
        {'layers.0.act': 0.125, 'layers.1.act': 0.375, 'layers.1.gate': 0.375, 'layers.2.act': 0.625,
         'layers.3.act': 0.875}
    """
    blocks = {path: block_of(path, after) for path in paths}
    rank = {block: index for index, block in enumerate(dict.fromkeys(blocks.values()))}
    return {path: (rank[block] + 0.5) / len(rank) for path, block in blocks.items()}


def literal(glob: str) -> int:
    """Return the length of what a glob says literally before its first wildcard.

    Example:
        >>> literal("encoder.layers.*"), literal("head")
        (15, 4)
    """
    return min((index for index in map(glob.find, "*?[") if index >= 0), default=len(glob))
