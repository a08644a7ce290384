"""Columns of a table by what they hold, and the numbers that a model gets from each."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from autoact.tabular.columns._scale import Scale
from autoact.tabular.files import DATE_FORMS, NUMBER_FORMS, Floats, is_missing, values

_YEAR, _WEEK, _DAY = 365.2425 * 86400, 7 * 86400, 86400
_MISSING_LEVEL = "(missing)"


class Encoder(Protocol):
    """How the cells of one column become numbers."""

    @property
    def name(self) -> str:
        """Name of the column."""

    @property
    def labels(self) -> tuple[str, ...]:
        """One name per number."""

    def encode(self, cells: Sequence[str]) -> Floats:
        """Return (rows, numbers)."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of numbers; a missing one is the median, and told beside it where training rows miss some."""

    name: str
    form: str
    scale: Scale
    tells_missing: bool

    @property
    def labels(self) -> tuple[str, ...]:
        """One name per number."""
        return (self.name, f"{self.name} is missing") if self.tells_missing else (self.name,)

    def encode(self, cells: Sequence[str]) -> Floats:
        """Return (rows, 1 or 2)."""
        return self.of(values(cells, NUMBER_FORMS[self.form]))

    def of(self, numbers: Floats) -> Floats:
        """Return the same for numbers that are read already."""
        columns = [self.scale(numbers)]
        if self.tells_missing:
            columns.append(np.isnan(numbers).astype(np.float64))
        return np.stack(columns, axis=1)


@dataclass(frozen=True, slots=True)
class Dates:
    """A column of moments: how late, and where in the year, the week and the day."""

    name: str
    form: str
    scale: Scale
    cycles: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """One name per number."""
        parts = (f"{self.name} {part} of {cycle}" for cycle in self.cycles for part in ("sine", "cosine"))
        return (self.name, *parts)

    def encode(self, cells: Sequence[str]) -> Floats:
        """Return (rows, 1 + 2 per cycle); a missing moment lies in the middle of all."""
        seconds = values(cells, DATE_FORMS[self.form])
        columns = [self.scale(seconds)]
        for cycle in self.cycles:
            angle = 2 * np.pi * seconds / CYCLES[cycle]
            columns += [np.nan_to_num(np.sin(angle)), np.nan_to_num(np.cos(angle))]
        return np.stack(columns, axis=1)


CYCLES = {"year": _YEAR, "week": _WEEK, "day": _DAY}


@dataclass(frozen=True, slots=True)
class Categories:
    """A column of names: one number per frequent name, and one for all the others together."""

    name: str
    levels: tuple[str, ...]
    others: bool

    @classmethod
    def of(cls, name: str, cells: Sequence[str], most: int) -> "Categories":
        """Keep the most frequent levels of some cells, and those only that occur twice."""
        counts = Counter(level_of(cell) for cell in cells)
        frequent = [level for level, count in counts.most_common(most) if count > 1]
        return cls(name, tuple(frequent), len(frequent) < len(counts))

    @property
    def labels(self) -> tuple[str, ...]:
        """One name per number."""
        levels = (*self.levels, "(other)") if self.others else self.levels
        return tuple(f"{self.name}={level}" for level in levels)

    def encode(self, cells: Sequence[str]) -> Floats:
        """Return (rows, levels): 1 at the cell's level; a level never seen is 0 or one of the others."""
        known = {level: place for place, level in enumerate(self.levels)}
        # a place beyond the last level is "other", or the row of zeros below the identity
        places = [known.get(level_of(cell), len(self.levels)) for cell in cells]
        width = len(self.levels) + self.others
        return np.eye(len(self.levels) + 1, width)[np.array(places, dtype=np.int64)]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A column that a model does not get, and why."""

    name: str
    reason: str


def level_of(cell: str) -> str:
    """Return the level that a cell of a category is."""
    return _MISSING_LEVEL if is_missing(cell) else cell


def labels_of(encoders: Iterable[Encoder]) -> tuple[str, ...]:
    """Return the names of all inputs."""
    return tuple(label for encoder in encoders for label in encoder.labels)
