"""Related rows: a column that names their groups, such as patients, or their times."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from autoact.errors import ConfigurationError, DataError, counted
from autoact.tabular.columns import Target, read_moments
from autoact.tabular.files import Floats, Table, is_missing
from autoact.tabular.splits import Indices, Split, split_groups, split_times

Kind = Literal["groups", "time"]
_LACKS = {
    "groups": "names no group in {}. Give each a group (one of its own, if it belongs to none), or leave "
    "these rows out.",
    "time": "tells no time in {}. Fill them in, or leave these rows out.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedRows:
    """What relates the rows that tell the target; the column is no input.

    Attributes:
        kind: What its column holds.
        column: Its name.
        place: Its place in the table.
        numbers: Number of each row's group, or rank of its moment.
        notes: What a reader should know of how times were read.
    """

    kind: Kind
    column: str
    place: int
    numbers: Indices
    notes: tuple[str, ...] = ()

    def told(self, rows: Indices | slice = slice(None)) -> str:
        """Return how many groups or moments there are, or of some rows, in words."""
        return counted(self.count(rows), "group" if self.kind == "groups" else "moment")

    def count(self, rows: Indices | slice = slice(None)) -> int:
        """Return the same as a number."""
        return len(np.unique(self.numbers[rows]))

    def split(self, target: Target, seed: int, source: str) -> Split:
        """Divide the rows.

        Args:
            target: As it was read.
            seed: Decides which groups are for what; times decide by themselves.
            source: The file.

        Raises:
            DataError: There are too few groups or moments.
        """
        source = _named(source, self.column)
        if self.kind == "time":
            return split_times(self.numbers, source=source)
        return split_groups(target.y, self.numbers, classes=bool(target.classes), seed=seed, source=source)


def read_related(
    table: Table, place: int, target: Target, *, groups: str | None, time: str | None
) -> RelatedRows | None:
    """Read what relates the rows.

    Args:
        table: All rows.
        place: Of the target.
        target: As it was read.
        groups: Name or number of the column of groups.
        time: Name or number of the column of times. Neither: rows are not related.

    Raises:
        DataError: There is no such column, a row has no group or time, all have one group, or times cannot be
            sorted.
        ConfigurationError: It is the target, or both are given.
    """
    if groups is not None and time is not None:
        raise ConfigurationError(
            f"groups is {groups!r} and time is {time!r}; rows are divided by one of them. Leave one out."
        )
    kind: Kind = "time" if groups is None else "groups"
    asked = time if groups is None else groups
    if asked is None:
        return None
    own = table.place(asked)
    if own == place:
        raise ConfigurationError(f"{kind} is {asked!r}, which is the target; name a column that is not.")
    name = table.names[own] if table.header else f"column {own + 1}"
    cells = [table.columns[own][row] for row in target.rows.tolist()]
    source = _named(table.source, name)
    missing = [row for row, cell in zip(target.rows.tolist(), cells, strict=True) if is_missing(cell)]
    if missing:
        raise DataError(f"{source} {_lacks(kind, missing, len(cells))}")
    if kind == "groups":
        return RelatedRows(kind=kind, column=name, place=own, numbers=group_numbers(cells, source))
    moments, notes = read_moments(name, cells, comma=table.comma)
    return RelatedRows(kind=kind, column=name, place=own, numbers=_ranks(moments, cells, source), notes=notes)


def _named(source: str, column: str) -> str:
    return f"{source}: the column {column!r}"


def _ranks(moments: Floats, cells: Sequence[str], source: str) -> Indices:
    strange = [cell for cell, moment in zip(cells, moments, strict=True) if not np.isfinite(moment)]
    if strange:
        raise DataError(
            f"{source} cannot be sorted: {counted(len(strange), 'cell')} of {len(cells):,}, such as "
            f"{strange[0]!r}, are no dates or numbers of one form. Write all times alike, such as "
            "2024-01-31 or 2024-01-31 12:30, or name another column."
        )
    return np.unique(moments, return_inverse=True)[1]


def group_numbers(groups: Sequence[Hashable], source: str) -> Indices:
    """Number groups in the order in which they come.

    Args:
        groups: The group of each row.
        source: What names them, for messages.

    Raises:
        DataError: A row has none, or all rows have one.

    Example:
        >>> group_numbers(["b", "a", "b"], "groups").tolist()
        [0, 1, 0]
    """
    missing = [row for row, group in enumerate(groups) if _is_none(group)]
    if missing:
        raise DataError(f"{source} {_lacks('groups', missing, len(groups))}")
    numbers: dict[Hashable, int] = {}
    found = np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.int64)
    if len(numbers) == 1:
        raise DataError(
            f"{source} names one group only, {next(iter(numbers))!r} in all {counted(len(groups), 'row')}: "
            "there is nothing to keep apart. Name another column, or none."
        )
    return found


def _is_none(group: Any) -> bool:
    try:
        return group is None or bool(group != group)
    except TypeError:  # pandas' NA, which equals nothing, not even nothing
        return True


def _lacks(kind: Kind, missing: Sequence[int], count: int) -> str:
    rows = f"{counted(len(missing), 'row')} of {count:,}, the first of them row {missing[0] + 1:,}"
    return _LACKS[kind].format(rows)
