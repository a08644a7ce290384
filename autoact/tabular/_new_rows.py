"""New rows for a trained model: its columns found by name, and what is not as in training told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoact.errors import DataError, counted, did_you_mean, first_few
from autoact.tabular.columns import Categories, Dates, Encoder, Numbers, level_of
from autoact.tabular.files import DATE_FORMS, NUMBER_FORMS, Table, is_missing

_MOSTLY = 0.8  # share of readable cells below which a column holds something else than in training
_SHOWN = 12  # names in a message


def columns_for(
    table: Table, encoders: Sequence[Encoder], names: Sequence[str], target: str
) -> list[Sequence[str]]:
    """Return the columns that a model takes, in its order.

    Args:
        table: The new rows.
        encoders: Of the columns that it takes.
        names: Of all columns of the table that it learned from.
        target: Name of the column that it predicts, which may be missing.

    Raises:
        DataError: Columns are missing; names them.

    Example:
        >>> encoders = [Categories("color", ("red", "blue"), False)]
        >>> table = Table(names=("size", "color"), columns=(["1"], ["red"]))
        >>> columns_for(table, encoders, ["color", "size", "y"], "y")
        [['red']]
    """
    found = dict(zip(_names(table, names, target), table.columns, strict=True))
    missing = [encoder.name for encoder in encoders if encoder.name not in found]
    if missing:
        raise DataError(_lacks(table, missing))
    return [found[encoder.name] for encoder in encoders]


def _names(table: Table, names: Sequence[str], target: str) -> Sequence[str]:
    """Return the names of a table's columns; without a header these are those of training, by place."""
    if table.header:
        return table.names
    others = [name for place, name in enumerate(names, 1) if target not in (name, f"column {place}")]
    if len(table.names) not in (len(names), len(others)):
        raise DataError(
            f"{table.source} has {counted(len(table.names), 'column')} and no header line; the model learned "
            f"from {len(names)} columns, the last to be told by their places."
        )
    return names if len(table.names) == len(names) else others


def _lacks(table: Table, missing: Sequence[str]) -> str:
    hint = did_you_mean(missing[0], table.names)
    listed, what = first_few(table.names, _SHOWN), first_few([*map(repr, missing)], _SHOWN)
    kind = "column" if len(missing) == 1 else "columns"
    return f"{table.source} lacks the {kind} {what}, which the model takes.{hint} It has {listed}."


def encode(
    encoders: Sequence[Encoder], columns: Sequence[Sequence[str]], table: Table, *, rare: bool = True
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Return the inputs of a model, (rows, inputs), and a note for each column that is not as in training.

    Args:
        encoders: Of the columns.
        columns: Their cells.
        table: Where they come from, for messages.
        rare: Whether to note categories that count as the rare ones do, which training rows had, too.

    Raises:
        DataError: Many cells of a column, and more than one, are not what it held in training.

    Example:
        >>> encoders = [Categories("color", ("red", "blue"), False)]
        >>> table = Table(names=("color",), columns=(["red", "green"],))
        >>> x, notes = encode(encoders, table.columns, table)
        >>> x.tolist(), notes[0]
        ([[1.0, 0.0], [0.0, 0.0]], "column 'color': 1 of 2 cells is ... ('green', row 2); it counts ...")
    """
    notes = []
    for encoder, cells in zip(encoders, columns, strict=True):
        for odd in _oddities(encoder, cells):
            if odd.wrong and len(odd.rows) > max(1, (1 - _MOSTLY) * odd.judged):
                raise DataError(f"{table.source}: {odd.error(encoder.name, cells)}")
            if rare or not odd.rare:
                notes.append(odd.note(encoder.name, cells))
    parts = [encoder.encode(cells) for encoder, cells in zip(encoders, columns, strict=True)]
    return np.concatenate(parts, axis=1).astype(np.float32), tuple(notes)


@dataclass(frozen=True, slots=True)
class _Oddity:
    """Cells of a column that are not as in training: rows, what they are not, how they count."""

    rows: Sequence[int]
    judged: int
    what: str
    counts: str
    wrong: bool = False
    rare: bool = False

    def note(self, name: str, cells: Sequence[str]) -> str:
        one = len(self.rows) == 1
        verbs = ("is", "it counts") if one else ("are", "they count")
        shown = f"{'' if one else 'such as '}{cells[self.rows[0]]!r}, row {self.rows[0] + 1}"
        return (
            f"column {name!r}: {len(self.rows)} of {len(cells)} cells {verbs[0]} {self.what} ({shown}); "
            f"{verbs[1]} as {self.counts}"
        )

    def error(self, name: str, cells: Sequence[str]) -> str:
        return (
            f"column {name!r}: {len(self.rows)} of {self.judged} cells are {self.what}, such as "
            f"{cells[self.rows[0]]!r} (row {self.rows[0] + 1}); in training it held them. Repair the column."
        )


def _oddities(encoder: Encoder, cells: Sequence[str]) -> list[_Oddity]:
    if isinstance(encoder, Categories):
        return _unknown(encoder, cells)
    assert isinstance(encoder, Numbers | Dates), "there are no others"
    return _unread(encoder, cells)


def _unknown(encoder: Categories, cells: Sequence[str]) -> list[_Oddity]:
    rows = _where(cells, lambda cell: level_of(cell) not in encoder.levels)
    counts = "all rare ones do" if encoder.others else "none of them"
    what = "no category that the model tells apart"
    return [_Oddity(rows, len(cells), what, counts, rare=encoder.others)] if rows else []


def _unread(encoder: Numbers | Dates, cells: Sequence[str]) -> list[_Oddity]:
    dates = isinstance(encoder, Dates)
    parse = (DATE_FORMS if dates else NUMBER_FORMS)[encoder.form]
    what = f"no dates in the form of training, {encoder.form}" if dates else "no numbers"
    missing = _where(cells, is_missing)
    strange = _where(cells, lambda cell: not is_missing(cell) and parse(cell) is None)
    found = [_Oddity(strange, len(cells) - len(missing), what, "missing", wrong=True)] if strange else []
    if missing and not (isinstance(encoder, Numbers) and encoder.tells_missing):
        told = "the middle of all dates" if dates else "the median: no training row missed it"
        found.append(_Oddity(missing, len(cells), "missing", told))
    return found


def _where(cells: Sequence[str], odd: Callable[[str], bool]) -> list[int]:
    known = {cell: odd(cell) for cell in set(cells)}
    return [row for row, cell in enumerate(cells) if known[cell]]
