"""Leakage: columns that are the target in other words, and rows that tell the target of other rows."""

from collections.abc import Sequence
from dataclasses import replace
from shlex import quote

import numpy as np

from autoact.errors import DataError
from autoact.tabular._related_rows import RelatedRows
from autoact.tabular.columns import Categories, Dates, Encoding, Numbers, Target, names_groups
from autoact.tabular.files import DATE_FORMS, NUMBER_FORMS, Floats, Table, is_missing, number_forms, read_as
from autoact.tabular.splits import FEWEST

_ROWS = 2000  # that a weighted sum is looked for in
_ROWS_PER_COLUMN = 10  # that it must hold in, for each column of numbers
_EXACT = 1e-10  # share of the target's variance that such a sum may leave
_ROWS_PER_NAME = 10  # of a category that tells the target
_COPIES = 0.01  # share of rows that repeat others from which on it is told
_PER_GROUP = 2  # rows of an identifier, on average, from which on it names groups
_TIMES = ("time", "date", "year", "month", "week", "day", "timestamp", "trend")
_LOOKED_AT = 2000  # rows that tell whether a column is sorted


def without_target(table: Table, place: int, target: Target, apart: Sequence[int] = ()) -> Table:
    """Return the rows that tell the target, without it and its copies; notes name columns that tell it.

    Args:
        table: All rows.
        place: Of the target.
        target: As it was read.
        apart: Places of other columns that are no inputs.

    Raises:
        DataError: Nothing is left.

    Example:
        >>> from autoact.tabular.columns import read_target
        >>> names, cells = ("x", "cm", "m"), (["1", "1", "2"], ["150", "180", "165"], ["1.5", "1.8", "1.65"])
        >>> table = without_target(Table(names=names, columns=cells), 2, read_target("m", cells[2]))
        >>> table.names, table.notes[0]
        (('x', 'cm'), "column 'cm' alone tells the target in every row: leave it out of the file unless ...")
    """
    notes, kept = [], []
    for other, cells in enumerate(table.columns):
        if other == place or other in apart:
            continue
        if list(cells) == list(table.columns[place]):
            notes.append(f"column {table.names[other]!r} is left out: it equals the target in every row")
        else:
            kept.append(other)
    if not kept:
        others = "all others are groups, times, or" if apart else "all others"
        raise DataError(f"{table.source} has no column to learn from: {others} equal the target.")
    whole = replace(
        table, names=tuple(table.names[i] for i in kept), columns=tuple(table.columns[i] for i in kept)
    )
    rows = replace(whole, columns=whole.rows(target.rows))
    return replace(rows, notes=(*notes, *_telling(rows, target)))


def _telling(table: Table, target: Target) -> list[str]:
    """Return notes on columns that tell the target, alone or added up."""
    notes, sums = [], {}
    for name, cells in zip(table.names, table.columns, strict=True):
        found = read_as(cells, number_forms(cells, comma=table.comma))
        numbers = None if found.strange or np.isnan(found.numbers).all() else found.numbers
        alone = len(table.names) > 1 or bool(target.classes)
        if alone and _tells(cells, numbers, target):
            notes.append(
                f"column {name!r} alone tells the target in every row: leave it out of the file unless it is "
                "known beforehand"
            )
        elif numbers is not None and np.isfinite(numbers).all() and np.ptp(numbers) > 0:
            sums[name] = numbers
    if not target.classes and not notes and (parts := _parts(sums, target.y)):
        shown = ", ".join(map(repr, parts[:3])) + (", ..." if len(parts) > 3 else "")
        notes.append(
            f"columns {shown}, weighted and added, give the target in every row: leave them out of the file "
            "unless they are known beforehand"
        )
    return notes


def _tells(cells: Sequence[str], numbers: Floats | None, target: Target) -> bool:
    """Tell whether a column is the target in other words: names of classes, thresholds, another unit."""
    if target.classes:
        return _names_classes(cells, target) or (numbers is not None and _parts_classes(numbers, target))
    if numbers is None or not np.isfinite(numbers).all() or np.ptp(numbers) == 0 or numbers.size < 3:
        return False
    if abs(np.corrcoef(numbers / np.abs(numbers).max(), target.y)[0, 1]) > 1 - _EXACT:
        return True
    order, ranks = (np.unique(each, return_inverse=True)[1] for each in (numbers, target.y))
    return bool((order == ranks).all() or (order == ranks.max() - ranks).all())


def _names_classes(cells: Sequence[str], target: Target) -> bool:
    """Tell whether each text of a column stands beside one class only, and often enough."""
    most = max(len(target.classes), len(cells) // _ROWS_PER_NAME)
    found: dict[str, int] = {}
    for cell, place in zip(cells, target.y.tolist(), strict=True):
        if found.setdefault(cell, place) != place or len(found) > most:
            return False
    return True


def _parts_classes(numbers: Floats, target: Target) -> bool:
    """Tell whether thresholds part the classes, missing numbers being beyond all."""
    order = np.argsort(numbers, kind="stable")
    ordered, y = numbers[order], target.y[order]
    turns = np.flatnonzero(y[1:] != y[:-1])
    if len(turns) != len(target.classes) - 1:
        return False
    return bool((ordered[turns] != ordered[turns + 1]).all())


def _parts(numbers: dict[str, Floats], y: Floats) -> list[str]:
    """Return the columns whose weighted sum is the target in all rows, if there is such a sum."""
    step = max(1, len(y) // _ROWS)
    if not numbers or len(y[::step]) < _ROWS_PER_COLUMN * (len(numbers) + 1):
        return []
    x = np.stack([each[::step] for each in numbers.values()], axis=1)
    spread = x.std(axis=0)
    if not np.isfinite(spread).all() or not (spread > 0).all():
        return []
    x, wanted = (x - x.mean(axis=0)) / spread, y[::step] - y[::step].mean()
    weights = np.linalg.lstsq(x, wanted)[0]
    if np.square(wanted - x @ weights).sum() > _EXACT * np.square(wanted).sum():
        return []
    return [name for name, weight in zip(numbers, weights, strict=True) if abs(weight) > 1e-6 * wanted.std()]


def dependent_rows(
    table: Table, target: Target, encoding: Encoding, related: RelatedRows | None = None
) -> list[str]:
    """Return notes on rows that are not independent: a split by chance then flatters.

    Args:
        table: The rows that tell the target, without it.
        target: What is predicted.
        encoding: What their columns become.
        related: What is heeded already.
    """
    by = None if related is None else related.kind
    together = related.numbers.tolist() if related is not None and by == "groups" else range(len(table))
    notes = [*_copies(table, target, encoding, together), *_groups(table, together)]
    if by == "groups":
        notes += _names_of_single_groups(table, encoding, together)
    return notes if by == "time" else [*notes, *_sorted_by(table, encoding)]


def _copies(table: Table, target: Target, encoding: Encoding, together: Sequence[int]) -> list[str]:
    used = [*(table.columns[place] for place, _ in encoding.encoders), target.y.tolist()]
    copies = len(set(zip(*used, together, strict=True))) - len(set(zip(*used, strict=True)))
    if copies < _COPIES * len(table):
        return []
    return [
        f"{copies:,} of {len(table):,} rows repeat another in all columns that are used; where they are "
        "copies of one observation, remove them: both sides of the split have them"
    ]


def _groups(table: Table, together: Sequence[int]) -> list[str]:
    """Return notes on identifiers whose rows are parted."""
    notes = []
    for name, cells in zip(table.names, table.columns, strict=True):
        groups = {cell for cell in cells if not is_missing(cell)} if names_groups(name) else set()
        parted = len(set(zip(cells, together, strict=True))) > len(set(cells))
        if parted and len(groups) > 1 and _PER_GROUP * len(groups) <= len(cells):
            notes.append(
                f"column {name!r} names {len(groups):,} groups of rows, and the split parts rows, not "
                f"groups: the verdict holds for new rows of these groups; {_remedy(name, len(groups))}"
            )
    return notes


def _names_of_single_groups(table: Table, encoding: Encoding, together: Sequence[int]) -> list[str]:
    """Return notes on texts that no second group has, such as a patient's visits."""
    notes = []
    for place, encoder in encoding.encoders:
        cells = table.columns[place]
        in_groups = set(zip(cells, together, strict=True))
        if isinstance(encoder, Categories) and len(in_groups) == len(set(cells)):
            notes.append(
                f"column {encoder.name!r} has other texts in each group, which tell nothing of new ones: "
                "leave it out of the file"
            )
    return notes


def _remedy(name: str, groups: int) -> str:
    if groups < FEWEST:
        return f"fewer than {FEWEST} cannot tell of others"
    return f"for others divide by them, --groups {quote(name)} (in Python groups={name!r})"


def _sorted_by(table: Table, encoding: Encoding) -> list[str]:
    """Return a note on the first time by which the rows are sorted."""
    step = max(1, len(table) // _LOOKED_AT)
    for place, encoder in encoding.encoders:
        if isinstance(encoder, Dates):
            parse = DATE_FORMS[encoder.form]
        elif isinstance(encoder, Numbers) and encoder.name.lower() in _TIMES:
            parse = NUMBER_FORMS[encoder.form]
        else:
            continue
        found = read_as(table.columns[place][::step], {encoder.form: parse}).numbers
        steps = np.diff(found[~np.isnan(found)])
        if (steps != 0).sum() > 2 and ((steps >= 0).all() or (steps <= 0).all()):
            return [
                f"the rows are sorted by {encoder.name!r} and split by chance: the verdict holds for moments "
                "between those of the file; for later ones divide by it, "
                f"--time {quote(encoder.name)} (in Python time={encoder.name!r})"
            ]
    return []
