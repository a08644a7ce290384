"""Rows of a CSV file as numbers: standardized inputs, target, and the raw columns to seek periods in."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoact.errors import DataError
from autoact.tabular import read_table
from autoact.tabular.columns import Dates, Encoder, Numbers, Target, fit_encoding, read_target
from autoact.tabular.files import DATE_FORMS, NUMBER_FORMS, values

Array = NDArray[np.float64]

_FEWEST = 30  # rows that a shape can be seen in at all
_MOST = 20_000  # rows that are enough
_FARTHEST = 30.0  # spreads of the middle half that an input may be away


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericTable:
    """What a file tells.

    Attributes:
        source: Name of the file.
        target: The target as it was read.
        x: Inputs (N, D), mean 0 and variance 1.
        y: The target's numbers (N,); class numbers of a classification.
        raw: Numbers, and dates in days, by column, (N,) each.
    """

    source: str
    target: Target
    x: Array
    y: Array
    raw: dict[str, Array]


def read_numeric_table(path: str | os.PathLike[str], target: str, problem: str | None = None) -> NumericTable:
    """Read a file as `autoact search --data` does, but keep numbers as they are instead of bending them.

    Args:
        path: The file.
        target: Name or number of the column to predict.
        problem: "classification" or "regression"; None decides by looking.

    Raises:
        DataError: The file is no table, has no such column, or too few rows; names file, line and column.
    """
    table = read_table(path, target)
    place = table.place(target)
    name = table.names[place] if table.header else f"column {place + 1}"
    found = read_target(name, table.columns[place], problem, table.source, comma=table.comma)
    if len(found.rows) < _FEWEST:
        raise DataError(
            f"{table.source}: {len(found.rows)} rows tell the target {name!r}; a shape takes at least "
            f"{_FEWEST}. Add rows, or leave out the data and say what is known."
        )
    kept = _some(len(found.rows))
    rows = found.rows[kept].tolist()
    others = [i for i in range(len(table.names)) if i != place and table.columns[i] != table.columns[place]]
    cells = [[table.columns[i][row] for row in rows] for i in others]
    encoding = fit_encoding([table.names[i] for i in others], cells, table.source, comma=table.comma)
    used = [(encoder, cells[at]) for at, encoder in encoding.encoders]
    x = np.concatenate([_numbers(encoder, column) for encoder, column in used], axis=1)
    return NumericTable(
        source=table.source,
        target=found,
        x=_standardized(x),
        y=found.y[kept].astype(np.float64),
        raw=dict(
            _told(encoder, raw) for encoder, column in used if (raw := _raw(encoder, column)) is not None
        ),
    )


def _some(count: int) -> NDArray[np.int64]:
    order = np.random.default_rng(0).permutation(count)
    return np.sort(order[:_MOST])


def _told(encoder: Encoder, raw: Array) -> tuple[str, Array]:
    """Return a column's name and numbers as people say them: dates in days."""
    if isinstance(encoder, Dates):
        return f"{encoder.name} (days)", raw / 86400
    return encoder.name, raw


def _raw(encoder: Encoder, cells: Sequence[str]) -> Array | None:
    """Return a column's own numbers, the median where there is none; None for categories."""
    if not isinstance(encoder, Numbers | Dates):
        return None
    forms = NUMBER_FORMS if isinstance(encoder, Numbers) else DATE_FORMS
    numbers = values(cells, forms[encoder.form])
    return np.where(np.isfinite(numbers), numbers, np.median(numbers[np.isfinite(numbers)]))


def _numbers(encoder: Encoder, cells: Sequence[str]) -> Array:
    encoded = encoder.encode(cells)
    raw = _raw(encoder, cells) if isinstance(encoder, Numbers) else None
    return encoded if raw is None else np.concatenate([raw[:, None], encoded[:, 1:]], axis=1)


def _standardized(x: Array) -> Array:
    low, middle, high = np.quantile(x / 4, [0.25, 0.5, 0.75], axis=0)  # of a quarter: differences stay finite
    unit = np.where(high > low, high - low, np.abs(x / 4 - middle).max(axis=0))
    x = np.clip((x / 4 - middle) / np.where(unit > 0, unit, 1.0), -_FARTHEST, _FARTHEST)
    spread = x.std(axis=0)
    return (x - x.mean(axis=0))[:, spread > 0] / spread[spread > 0]
