"""Encoding of a table: what every column holds, and its rows as the numbers that a model takes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoact.errors import DataError
from autoact.tabular.columns._columns import CYCLES, Categories, Dates, Encoder, LeftOut, Numbers, labels_of
from autoact.tabular.columns._scale import Scale
from autoact.tabular.files import (
    DATE_FORMS,
    NUMBER_FORMS,
    Floats,
    best_form,
    is_missing,
    number_forms,
    values,
)

_MOSTLY = 0.8  # share of cells that decides what a column holds; the rest counts as missing
_LEVELS = 32  # names of a category that get a number of their own
_FEW = 12  # names that are few in any table
_OWN = 0.5  # share of different texts from which on nearly every row has its own

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
    found = [_column(name, cells, comma) for name, cells in zip(names, columns, strict=True)]
    counting = [place for place, kind in enumerate(found) if isinstance(kind, _Counting)]
    kept: list[tuple[int, Encoder]] = []
    for place, kind in enumerate(found):
        encoder = kind.encoder if isinstance(kind, _Counting) else kind
        only = not any(not isinstance(other, LeftOut | _Counting) for other in found)
        if not isinstance(encoder, LeftOut) and (place not in counting or only):
            kept.append((place, encoder))
    left = [kind for kind in found if isinstance(kind, LeftOut)]
    left += [LeftOut(names[p], "it numbers the rows") for p in counting if p not in dict(kept)]
    if not kept:
        reasons = "; ".join(f"{out.name!r}: {out.reason}" for out in left[:5]) or "there is none"
        raise DataError(f"{source} has no column to learn from ({reasons}).")
    return Encoding(tuple(kept), tuple(left), tuple(_notes(kept, columns)))


@dataclass(frozen=True, slots=True)
class _Counting:
    """A column that counts the rows: an input only where there is no other."""

    encoder: Numbers


def _column(name: str, cells: Sequence[str], comma: bool) -> Encoder | LeftOut | _Counting:
    present = {cell for cell in cells if not is_missing(cell)}
    some_missing = any(is_missing(cell) for cell in cells)
    if not present:
        return LeftOut(name, "it is empty")
    if len(present) == 1 and not some_missing:
        return LeftOut(name, "it is constant")
    form, share = best_form(cells, number_forms(cells, comma=comma))
    if share >= _MOSTLY:
        return _numbers(name, form, values(cells, NUMBER_FORMS[form]))
    form, share = best_form(cells, DATE_FORMS)
    if share >= _MOSTLY:
        return _dates(name, form, values(cells, DATE_FORMS[form]))
    categories = Categories.of(name, cells, _LEVELS)
    if len(present) > max(_FEW, _OWN * len(cells)) or not categories.levels:
        return LeftOut(name, "nearly every row has its own text")
    return categories


def _numbers(name: str, form: str, numbers: Floats) -> Encoder | LeftOut | _Counting:
    told = numbers[~np.isnan(numbers)]
    missing = told.size < numbers.size
    if not missing and (told == told[0]).all():
        return LeftOut(name, "it is constant")
    encoder = Numbers(name, form, Scale.of(numbers), missing)
    return _Counting(encoder) if not missing and _counts(name, told) else encoder


def _counts(name: str, numbers: Floats) -> bool:
    """Tell whether numbers only number rows: whole, all different, and dense or called an id."""
    if numbers.size < 3 or not np.isfinite(numbers).all() or (numbers != np.round(numbers)).any():
        return False
    ordered = np.sort(numbers)
    if (np.diff(ordered) == 0).any():
        return False
    called = name.lower().replace("-", "_").split("_")[-1] in ("id", "index", "uuid", "key", "nr")
    # training rows are a share of all rows: consecutive numbers leave gaps, of the size of that share
    dense = 0 <= ordered[0] <= 5 and ordered[-1] - ordered[0] < 2 * numbers.size
    return called or (dense and numbers.size >= 20)


def _dates(name: str, form: str, seconds: Floats) -> Encoder | LeftOut:
    told = seconds[~np.isnan(seconds)]
    length = float(told.max() - told.min())
    if length == 0:
        return LeftOut(name, "it is constant")
    of_day = bool((told % CYCLES["day"] != told[0] % CYCLES["day"]).any())
    # a cycle tells something once the dates cover a good part of it
    cycles = [cycle for cycle, period in CYCLES.items() if length > period / 2 and (cycle != "day" or of_day)]
    return Dates(name, form, Scale.of(seconds), tuple(cycles))


def _notes(kept: Sequence[tuple[int, Encoder]], columns: Columns) -> list[str]:
    notes = []
    for place, encoder in kept:
        if isinstance(encoder, Dates) and (other := _other_order(encoder.form, columns[place])):
            notes.append(f"column {encoder.name!r} is read as {encoder.form}; {other} would fit as well")
        if not isinstance(encoder, Dates) and not (isinstance(encoder, Numbers) and encoder.tells_missing):
            continue  # no cell of the others can be strange
        parse = (NUMBER_FORMS if isinstance(encoder, Numbers) else DATE_FORMS)[encoder.form]
        strange = [cell for cell in columns[place] if not is_missing(cell) and parse(cell) is None]
        if strange:
            what = ("number" if isinstance(encoder, Numbers) else "date") + "s" * (len(strange) > 1)
            verbs = (
                "is no {} ({!r}) and counts" if len(strange) == 1 else "are no {} (such as {!r}) and count"
            )
            how = verbs.format(what, strange[0])
            notes.append(
                f"column {encoder.name!r}: {len(strange)} of {len(columns[place])} cells {how} as missing"
            )
    return notes


def _other_order(form: str, cells: Sequence[str]) -> str | None:
    """Return the form with day and month exchanged, if it reads as many cells and says something else."""
    other = form.replace("%d", "%_").replace("%m", "%d").replace("%_", "%m")
    if other == form or other not in DATE_FORMS:
        return None
    first, second = (values(cells, DATE_FORMS[each]) for each in (form, other))
    told = ~np.isnan(first)
    return other if not np.isnan(second[told]).any() and (first != second)[told].any() else None
