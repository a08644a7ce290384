"""Table as it was read: names and columns of text."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from autoact.errors import DataError

_SHOWN = 12  # names in a message


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Columns of text under names.

    Attributes:
        names: One name per column, all different; "1", "2", ... where the file has no header.
        columns: The cells by column, stripped of blanks.
        header: Whether the names come from the file.
        source: Where it was read, for messages.
        notes: What a reader should know about how it was read.
        comma: Whether commas in numbers are decimal, as where semicolons separate the cells.
        repeated: Names in the file that several columns bear.

    Example:
        >>> len(Table(names=("size", "price"), columns=(["1", "3"], ["2", "4"])))
        2
    """

    names: tuple[str, ...]
    columns: tuple[Sequence[str], ...]
    header: bool = True
    source: str = "the table"
    notes: tuple[str, ...] = ()
    comma: bool = False
    repeated: frozenset[str] = frozenset()

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.columns[0]) if self.columns else 0

    def place(self, column: str) -> int:
        """Return the place of a column, given its name, or its number from 1 (-1 is the last one).

        Raises:
            DataError: There is none, or several are called so; the message says which there are.

        Example:
            >>> table = Table(names=("size", "price"), columns=(["1"], ["2"]))
            >>> table.place("price"), table.place("-1"), table.place("1")
            (1, 1, 0)
            >>> table.place("prize")
            Traceback (most recent call last):
                ...
            autoact.errors.DataError: the table has no column 'prize'. Did you mean 'price'? ...
        """
        if column in self.repeated:
            numbers = [str(n) for n, name in enumerate(self.names, 1) if name.startswith(f"{column}.")]
            numbers.insert(0, str(self.names.index(column) + 1))
            raise DataError(
                f"{self.source} has several columns {column!r}. Name it by its number: {', '.join(numbers)}."
            )
        if column in self.names:
            return self.names.index(column)
        number = _integer(column)
        if number is not None and 1 <= number <= len(self.names):
            return number - 1
        if number is not None and -len(self.names) <= number <= -1:
            return len(self.names) + number
        raise DataError(self._unknown(column))

    def _unknown(self, column: str) -> str:
        if not self.header:
            return (
                f"{self.source} has no header line, so no column {column!r}: name the column by its number, "
                f"1 to {len(self.names)}, or -1 for the last."
            )
        lowered = {name.lower(): name for name in self.names}
        near = difflib.get_close_matches(column.lower(), lowered, n=1)
        hint = f" Did you mean {lowered[near[0]]!r}?" if near else ""
        more = ", ..." if len(self.names) > _SHOWN else ""
        return (
            f"{self.source} has no column {column!r}.{hint} Columns: {', '.join(self.names[:_SHOWN])}{more}"
        )


def _integer(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None
