"""Column of training rows: what it holds, what a model gets from it, and what a reader should know."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoact.tabular.columns._columns import CYCLES, Categories, Dates, Encoder, LeftOut, Numbers
from autoact.tabular.columns._scale import Scale
from autoact.tabular.files import (
    DATE_FORMS,
    Floats,
    Reading,
    dots_are_thousands,
    is_missing,
    number_forms,
    read_as,
    values,
)

_MOSTLY = 0.8  # share of cells that decides what a column holds; the rest counts as missing
_SOME = 0.2  # share of numbers from which on a column of text mixes both
_LEVELS = 32  # names of a category that get a number of their own
_FEW = 12  # names that are few in any table
_REPEATED = 3  # cells that hold the same wild number: a code, not an outlier
_OWN = 0.5  # share of different texts from which on nearly every row has its own
_DAY_IN_DIGITS = re.compile(r"(18|19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
_WITH_UNIT = re.compile(r"[+-]?[\d.,]*\d\s*([^\d\s.,:/-][^\d\s]{0,9})")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_IDENTIFIERS = ("id", "index", "uuid", "guid", "key", "nr")
_OF_SEVERAL = ("patient", "subject", "participant", "person", "speaker", "user", "session")


@dataclass(frozen=True, slots=True)
class Column:
    """What a column becomes.

    Attributes:
        encoder: Makes the inputs, or says why there are none.
        counts: Whether it only numbers the rows: an input only where there is no other.
        notes: What a reader should know about it.
    """

    encoder: Encoder | LeftOut
    counts: bool = False
    notes: tuple[str, ...] = ()


def read_column(name: str, cells: Sequence[str], *, comma: bool) -> Column:
    """Decide what a column becomes.

    Args:
        name: Its name.
        cells: Its cells, of training rows.
        comma: Whether commas in numbers are decimal.

    Example:
        >>> read_column("size", ["1", "2", "?"], comma=False).encoder.labels
        ('size', 'size is missing')
    """
    if all(map(_DAY_IN_DIGITS.fullmatch, _present(cells[:_FEW]))) and (days := _days_in_digits(cells)):
        return _dates(name, days, cells)
    numbers = read_as(cells, number_forms(cells, comma=comma))
    if numbers.share >= _MOSTLY and not _are_few_names(cells, numbers):
        return _numbers(name, numbers, cells, comma)
    dates = read_as(cells, DATE_FORMS)
    if dates.share >= _MOSTLY:
        return _dates(name, dates, cells)
    return _categories(name, cells, numbers)


def names_rows(name: str) -> bool:
    """Tell whether a column's name ends as those of identifiers do.

    Example:
        >>> names_rows("CustomerId"), names_rows("user_id"), names_rows("acid")
        (True, True, False)
    """
    return _last_word(name) in _IDENTIFIERS


def names_groups(name: str) -> bool:
    """Tell whether a column's name is that of identifiers, or of whom several rows may be.

    Example:
        >>> names_groups("user_id"), names_groups("subject#"), names_groups("patients per day")
        (True, True, False)
    """
    return _last_word(name) in (*_IDENTIFIERS, *_OF_SEVERAL)


def read_moments(name: str, cells: Sequence[str], *, comma: bool) -> tuple[Floats, tuple[str, ...]]:
    """Read times, as dates or as numbers.

    Args:
        name: Name of the column.
        cells: Its cells.
        comma: Whether commas in numbers are decimal.

    Returns:
        A number for each cell that grows with time, NaN where it is none; and notes.

    Example:
        >>> read_moments("week", ["3", "11", "soon"], comma=False)[0].tolist()
        [3.0, 11.0, nan]
    """
    numbers = read_as(cells, number_forms(cells, comma=comma))
    dates = _days_in_digits(cells) or read_as(cells, DATE_FORMS)
    if dates.share <= numbers.share:
        return numbers.numbers, ()
    other = _other_order(dates, cells)
    return dates.numbers, (() if other is None else (_ambiguous(name, dates, other),))


def _ambiguous(name: str, reading: Reading, other: str) -> str:
    return f"column {name!r} is read as {reading.form}; {other} would fit as well"


def _last_word(name: str) -> str:
    return next(iter(_WORD.findall(name)[-1:]), "").lower()


def _present(cells: Sequence[str]) -> list[str]:
    return [cell for cell in cells if not is_missing(cell)]


def _days_in_digits(cells: Sequence[str]) -> Reading | None:
    """Return dates such as 20240131, if a column has several and nothing else."""
    present = set(_present(cells))
    if len(present) < 3 or not all(map(_DAY_IN_DIGITS.fullmatch, present)):
        return None
    found = read_as(cells, {"ISO 8601": DATE_FORMS["ISO 8601"]})
    return None if found.strange else found


def _are_few_names(cells: Sequence[str], numbers: Reading) -> bool:
    """Tell whether numbers and text are a few names that repeat, as 0, 1, 2 and 3+."""
    texts = set(numbers.strange)
    return 0 < len(texts) < len(numbers.strange) and len(set(_present(cells))) <= _FEW


def _numbers(name: str, reading: Reading, cells: Sequence[str], comma: bool) -> Column:
    numbers = reading.numbers
    told = numbers[~np.isnan(numbers)]
    missing = told.size < numbers.size
    if not missing and (told == told[0]).all():
        return Column(LeftOut(name, "it is constant"))
    encoder = Numbers(name, reading.form, Scale.of(numbers), missing)
    notes = _strange(name, reading, "number") + _outlying(name, told)
    if comma and dots_are_thousands(cells):
        dotted = next(cell for cell in cells if "." in cell)
        notes.append(
            f"column {name!r}: dots are thousands ({dotted}), because commas are decimal in other columns"
        )
    return Column(encoder, not missing and _counts(name, told), tuple(notes))


def _strange(name: str, reading: Reading, kind: str) -> list[str]:
    strange = reading.strange
    if not strange:
        return []
    what = kind + "s" * (len(strange) > 1)
    verbs = "is no {} ({!r}) and counts" if len(strange) == 1 else "are no {} (such as {!r}) and count"
    how = verbs.format(what, strange[0])
    return [f"column {name!r}: {len(strange)} of {len(reading.numbers)} cells {how} as missing"]


def _outlying(name: str, told: Floats) -> list[str]:
    """Return notes on infinite numbers, and on one that lies apart and repeats: it may stand for missing."""
    finite = np.sort(told[np.isfinite(told)])
    infinite = told.size - finite.size
    notes = []
    if infinite:
        one = infinite == 1
        notes.append(
            f"column {name!r}: {infinite} of {told.size} numbers {'is' if one else 'are'} infinite and "
            f"{'counts' if one else 'count'} as the utmost; leave such cells empty if they are missing"
        )
    low, high = finite[finite > finite[:1]], finite[finite < finite[-1:]]
    for code, others, is_one in ((finite[:1], low, _negative), (finite[-1:], high, _nines)):
        count = finite.size - others.size
        if count < _REPEATED or others.size == 0 or not is_one(float(code[0])):
            continue
        first, last = float(others[0]), float(others[-1])
        if max(first - code[0], code[0] - last) > last - first > 0:
            notes.append(
                f"column {name!r}: {code[0]:g} stands in {count} of {told.size} cells, far from all others "
                f"({first:g} to {last:g}), and is read as a number; leave these cells empty if missing"
            )
    return notes


def _negative(number: float) -> bool:
    return number < 0


def _nines(number: float) -> bool:
    return set(f"{number:.15g}") == {"9"}


def _counts(name: str, numbers: Floats) -> bool:
    """Tell whether numbers only number rows: whole, all different, and dense or called an id."""
    if numbers.size < 3 or not np.isfinite(numbers).all() or (numbers != np.round(numbers)).any():
        return False
    ordered = np.sort(numbers)
    if (np.diff(ordered) == 0).any():
        return False
    # training rows are a share of all rows: consecutive numbers leave gaps, of the size of that share
    dense = 0 <= ordered[0] <= 5 and ordered[-1] - ordered[0] < 2 * numbers.size
    return names_rows(name) or (dense and numbers.size >= 20)


def _dates(name: str, reading: Reading, cells: Sequence[str]) -> Column:
    seconds = reading.numbers
    told = seconds[~np.isnan(seconds)]
    length = float(told.max() - told.min())
    if length == 0:
        return Column(LeftOut(name, "it is constant"))
    of_day = bool((told % CYCLES["day"] != told[0] % CYCLES["day"]).any())
    # a cycle tells something once the dates cover a good part of it
    cycles = [cycle for cycle, period in CYCLES.items() if length > period / 2 and (cycle != "day" or of_day)]
    notes = _strange(name, reading, "date")
    if other := _other_order(reading, cells):
        notes.insert(0, _ambiguous(name, reading, other))
    return Column(Dates(name, reading.form, Scale.of(seconds), tuple(cycles)), notes=tuple(notes))


def _other_order(reading: Reading, cells: Sequence[str]) -> str | None:
    """Return the form with day and month exchanged, if it reads as many cells and says something else."""
    other = reading.form.replace("%d", "%_").replace("%m", "%d").replace("%_", "%m")
    if other == reading.form or other not in DATE_FORMS:
        return None
    first, second = reading.numbers, values(cells, DATE_FORMS[other])
    told = ~np.isnan(first)
    return other if not np.isnan(second[told]).any() and (first != second)[told].any() else None


def _categories(name: str, cells: Sequence[str], numbers: Reading) -> Column:
    present = _present(cells)
    different = set(present)
    if not present:
        return Column(LeftOut(name, "it is empty"))
    if len(different) == 1 and len(present) == len(cells):
        return Column(LeftOut(name, "it is constant"))
    mixed = _mixture(present, numbers)
    categories = Categories.of(name, cells, _LEVELS)
    if len(different) > max(_FEW, _OWN * len(cells)) or not categories.levels:
        return Column(LeftOut(name, mixed or "nearly every row has its own text"))
    if mixed and len(different) > _FEW:
        return Column(categories, notes=(f"column {name!r} is read as categories: {mixed}",))
    pooled = len(different.difference(categories.levels))
    if categories.others and len(categories.levels) == _LEVELS:
        note = (
            f"column {name!r}: its {_LEVELS} most frequent texts are told apart, the {pooled} others are not"
        )
        return Column(categories, notes=(note,))
    return Column(categories)


def _mixture(present: Sequence[str], numbers: Reading) -> str | None:
    """Say what keeps a column with many numbers from being read as numbers."""
    units = Counter(unit[1] for unit in map(_WITH_UNIT.fullmatch, present) if unit)
    if units and max(units.values()) >= _MOSTLY * len(present):
        return f"its numbers have a unit, as in {present[0]!r}; write them without it"
    if numbers.share >= _SOME and numbers.strange:
        text = numbers.strange[0]
        share = 1 - numbers.share
        return (
            f"{share:.0%} of its cells are text ({text!r}), the others numbers; leave these empty if missing"
        )
    return None
