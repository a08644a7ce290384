"""Encoding of a table: what every column holds, and its rows as the numbers that a model takes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoact.errors import DataError, first_few
from autoact.tabular.columns._column import read_column
from autoact.tabular.columns._columns import Encoder, LeftOut, labels_of

_SHOWN = 8  # names in a note

Columns = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the columns of a table become inputs.

    Attributes:
        encoders: Place of a column, and what it becomes.
        left_out: Columns that are no inputs, with reasons.
        notes: What else a reader should know.
    """

    encoders: tuple[tuple[int, Encoder], ...]
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the inputs."""
        return labels_of(encoder for _, encoder in self.encoders)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader should know: columns that are left out, by reason, and the notes."""
        reasons: dict[str, list[str]] = {}
        for out in self.left_out:
            reasons.setdefault(out.reason, []).append(out.name)
        return (*(_left_out(names, reason) for reason, names in reasons.items()), *self.notes)

    def encode(self, columns: Columns) -> NDArray[np.float32]:
        """Return (rows, inputs) for the columns of a table in their places."""
        parts = [encoder.encode(columns[place]) for place, encoder in self.encoders]
        return np.concatenate(parts, axis=1).astype(np.float32)


def fit_encoding(
    names: Sequence[str], columns: Columns, source: str = "the table", *, comma: bool = False
) -> Encoding:
    """Look at the columns of training rows and decide what each becomes.

    Args:
        names: Names of the columns.
        columns: Their cells.
        source: What to call the table in messages.
        comma: Whether commas in numbers are decimal.

    Returns:
        The encoding; it holds for rows not seen here.

    Raises:
        DataError: No column is of use.

    Example:
        >>> encoding = fit_encoding(["size", "color"], [["1", "2", "?"], ["red", "blue", "red"]])
        >>> encoding.labels
        ('size', 'size is missing', 'color=red', 'color=(other)')
        >>> encoding.encode([["3"], ["green"]]).round(2).tolist()
        [[2.41..., 0.0, 0.0, 1.0]]
    """
    found = [read_column(name, cells, comma=comma) for name, cells in zip(names, columns, strict=True)]
    informative = any(not (isinstance(column.encoder, LeftOut) or column.counts) for column in found)
    kept: list[tuple[int, Encoder]] = []
    left: list[LeftOut] = []
    counting: list[LeftOut] = []
    notes: list[str] = []
    for place, column in enumerate(found):
        if isinstance(column.encoder, LeftOut):
            left.append(column.encoder)
        elif column.counts and informative:
            counting.append(LeftOut(names[place], "it numbers the rows"))
        else:
            kept.append((place, column.encoder))
            notes += column.notes
    left += counting
    if not kept:
        reasons = "; ".join(f"{out.name!r}: {out.reason}" for out in left[:5]) or "there is none"
        raise DataError(f"{source} has no column to learn from ({reasons}).")
    return Encoding(tuple(kept), tuple(left), tuple(notes))


def _left_out(names: Sequence[str], reason: str) -> str:
    if len(names) == 1:
        return f"column {names[0]!r} is left out: {reason}"
    return f"columns {first_few([*map(repr, names)], _SHOWN)} are left out, each because {reason}"
