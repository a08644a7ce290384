"""Related rows: a column that names their groups, such as patients, or their times."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from autoact.errors import ConfigurationError, DataError, counted
from autoact.tabular._splits import Rows
from autoact.tabular.columns import Target
from autoact.tabular.files import Table, is_missing


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedRows:
    """What relates the rows that tell the target; the column is no input.

    Attributes:
        kind: What its column holds.
        column: Its name.
        place: Its place in the table.
        numbers: Of each row's group.
    """

    kind: Literal["groups"]
    column: str
    place: int
    numbers: Rows

    def count(self, rows: Rows | slice = slice(None)) -> int:
        """Return how many groups there are, or of some rows."""
        return len(np.unique(self.numbers[rows]))


def read_related(table: Table, place: int, target: Target, groups: str | None) -> RelatedRows | None:
    """Read what relates the rows.

    Args:
        table: All rows.
        place: Of the target.
        target: As it was read.
        groups: Name or number of the column of groups; None: rows are not related.

    Raises:
        DataError: There is no such column, a row has no group, or all rows have one.
        ConfigurationError: It is the target.
    """
    if groups is None:
        return None
    own = table.place(groups)
    name = table.names[own] if table.header else f"column {own + 1}"
    if own == place:
        raise ConfigurationError(f"groups is {groups!r}, which is the target; name a column that is not.")
    cells = [table.columns[own][row] for row in target.rows.tolist()]
    missing = [row for row, cell in zip(target.rows.tolist(), cells, strict=True) if is_missing(cell)]
    source = f"{table.source}: the column {name!r}"
    if missing:
        raise DataError(f"{source} {_has_no_group(missing, len(cells))}")
    return RelatedRows(kind="groups", column=name, place=own, numbers=group_numbers(cells, source))


def group_numbers(groups: Sequence[Hashable], source: str) -> Rows:
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
    missing = [row for row, group in enumerate(groups) if group is None or group != group]  # NaN
    if missing:
        raise DataError(f"{source} {_has_no_group(missing, len(groups))}")
    numbers: dict[Hashable, int] = {}
    found = np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.int64)
    if len(numbers) == 1:
        raise DataError(
            f"{source} names one group only, {next(iter(numbers))!r} in all {counted(len(groups), 'row')}: "
            "there is nothing to keep apart. Name another column, or none."
        )
    return found


def _has_no_group(missing: Sequence[int], count: int) -> str:
    return (
        f"names no group in {counted(len(missing), 'row')} of {count:,}, the first of them row "
        f"{missing[0] + 1:,}. Give each a group (one of its own, if it belongs to none), or leave these rows "
        "out."
    )
