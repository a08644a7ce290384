"""Target of a table: classes or numbers, and which rows tell it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from autoact.errors import ConfigurationError, DataError, counted, first_few
from autoact.tabular.files import NUMBER_FORMS, Floats, best_form, is_missing, number_forms, values

Problem = Literal["classification", "regression"]

_MOSTLY = 0.8  # share of numbers that makes the target numeric
_CLASSES = 20  # different whole numbers that may still be classes
_ROWS_PER_CLASS = 10  # rows that each of those must have on average
_LARGEST = 1e15  # beyond it, squares and sums leave float32
_FEWEST_PER_CLASS = 3  # rows per class, on average, below which texts are names of rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The target of a table.

    Attributes:
        name: Name of the column.
        problem: What kind of prediction it asks for.
        classes: Its classes, sorted; empty for a regression.
        rows: Places of the rows that tell it.
        y: The class (int64) or the number (float64) of each of these rows.
        notes: What a reader should know.
    """

    name: str
    problem: Problem
    classes: tuple[str, ...]
    rows: NDArray[np.int64]
    y: NDArray[Any]
    notes: tuple[str, ...] = ()


def read_target(
    name: str,
    cells: Sequence[str],
    problem: str | None = None,
    source: str = "the table",
    *,
    comma: bool = False,
) -> Target:
    """Read the column that is to be predicted.

    Text is classes. Whole numbers are classes if there are two of them, or at most 20 with ten rows each;
    all other numbers are a regression.

    Args:
        name: Name of the column.
        cells: Its cells.
        problem: "classification" or "regression"; None decides by looking.
        source: What to call the table in messages.
        comma: Whether commas in numbers are decimal.

    Returns:
        The target, on the rows that tell it.

    Raises:
        ConfigurationError: `problem` is neither.
        DataError: The column has no values, one value only, or a different text in nearly every row.

    Example:
        >>> read_target("price", ["1.5", "2.5", "?"]).problem
        'regression'
        >>> read_target("sex", ["f", "m", "f", "m", "m", "m"]).classes
        ('f', 'm')
    """
    if problem not in (None, "classification", "regression"):
        raise ConfigurationError(
            f"problem is {problem!r}; it must be 'classification' or 'regression', or be left out."
        )
    where = f"{source}: the target {name!r}"
    if all(is_missing(cell) for cell in cells):
        raise DataError(f"{where} is empty; it needs values to learn from.")
    form, share = best_form(cells, number_forms(cells, comma=comma))
    numbers = values(cells, NUMBER_FORMS[form])
    guessed = problem is None
    if guessed:
        problem = "classification" if share < _MOSTLY or _are_classes(numbers) else "regression"
    if problem == "classification":
        return _classes(name, cells, numbers if share == 1 else None, where, guessed)
    if share < _MOSTLY:
        strange = next(
            cell for cell in cells if not is_missing(cell) and np.isnan(values([cell], _parse(form))[0])
        )
        raise DataError(f"{where} holds text such as {strange!r}; a regression needs numbers.")
    return _numbers(name, cells, numbers, where, guessed)


def _parse(form: str) -> Any:
    return NUMBER_FORMS[form]


def _are_classes(numbers: Floats) -> bool:
    told = numbers[~np.isnan(numbers)]
    if not np.isfinite(told).all() or (told != np.round(told)).any():
        return False
    count = len(np.unique(told))
    return count <= 2 or (count <= _CLASSES and told.size >= _ROWS_PER_CLASS * count)


def _numbers(name: str, cells: Sequence[str], numbers: Floats, where: str, guessed: bool) -> Target:
    rows = np.flatnonzero(np.isfinite(numbers))
    y = numbers[rows]
    if rows.size == 0 or (y == y[0]).all():
        told = f"{y[0]:g} in all {y.size} rows" if y.size else "no finite number"
        raise DataError(f"{where} has one value only ({told}); there is nothing to predict.")
    if np.abs(y).max() > _LARGEST:
        raise DataError(f"{where} reaches {np.abs(y).max():.3g}, too large to square; rescale it.")
    lost = [cell for cell, number in zip(cells, numbers.tolist(), strict=True) if not np.isfinite(number)]
    notes = _lost(lost, name, "no finite number")
    different = len(np.unique(y))
    whole = "whole " if (y == np.round(y)).all() else ""
    if guessed and different <= (2 * _CLASSES if whole else _CLASSES):
        notes.append(
            f"target {name!r}: {different} different {whole}numbers are taken as a regression; "
            'if they are classes, say so by --problem classification (problem="classification")'
        )
    return Target(name=name, problem="regression", classes=(), rows=rows, y=y, notes=tuple(notes))


def _classes(name: str, cells: Sequence[str], numbers: Floats | None, where: str, guessed: bool) -> Target:
    labels = [_label(cell, None if numbers is None else numbers[i]) for i, cell in enumerate(cells)]
    counts = Counter(label for label in labels if label is not None)
    told = sum(counts.values())
    if len(counts) == 1:
        raise DataError(
            f"{where} has one value only ({next(iter(counts))!r} in all {told} rows); "
            "there is nothing to predict."
        )
    single = {label for label, count in counts.items() if count == 1}
    if len(counts) > told / _FEWEST_PER_CLASS and len(counts) > 2:
        raise DataError(
            f"{where} has {len(counts)} different values in {told} rows, too many to be classes. Name "
            "another column as the target, or say that the problem is regression (--problem) if its "
            "values are numbers."
        )
    kept = counts.keys() - single
    if len(kept) < 2:
        raise DataError(
            f"{where} has fewer than two classes with at least two rows; add rows of the other classes."
        )
    classes = tuple(sorted(kept, key=_order))
    place = {label: i for i, label in enumerate(classes)}
    rows = np.array([i for i, label in enumerate(labels) if label in place], dtype=np.int64)
    y = np.array([place[labels[i] or ""] for i in rows], dtype=np.int64)
    notes = _lost([cell for cell in cells if is_missing(cell)], name, "no value")
    notes += [f"target {name!r}: {each}" for each in _of_classes(classes, sorted(single))]
    if guessed and numbers is not None and len(classes) > 2:
        notes.append(
            f"target {name!r}: {len(classes)} different whole numbers are taken as classes; "
            'if they are numbers, say so by --problem regression (problem="regression")'
        )
    return Target(name=name, problem="classification", classes=classes, rows=rows, y=y, notes=tuple(notes))


def _of_classes(classes: Sequence[str], single: Sequence[str]) -> Iterator[str]:
    """Yield what was done about classes with a single row, and classes whose case alone differs."""
    if single:
        are = "class with a single row is" if len(single) == 1 else "classes with a single row are"
        yield f"{len(single)} {are} left out ({first_few(single, 3)})"
    folded = Counter(label.casefold() for label in classes)
    if alike := [label for label in classes if folded[label.casefold()] > 1]:
        shown = ", ".join(map(repr, alike[:4]))
        yield f"{shown} are different classes, though only their case differs"


def _label(cell: str, number: float | None) -> str | None:
    if is_missing(cell):
        return None
    return cell if number is None else f"{number:.15g}"  # 1, 1.0 and 01 are one class


def _order(label: str) -> tuple[float, str]:
    number = values([label], NUMBER_FORMS["plain"])[0]
    return (np.inf if np.isnan(number) else float(number), label)


def _lost(cells: Sequence[str], name: str, what: str) -> list[str]:
    """Return a note on cells that tell no target; it quotes a word, which may be a class."""
    if not cells:
        return []
    words = Counter(cell for cell in cells if cell.isalpha() and is_missing(cell)).most_common(1)
    quoted = f" ({words[0][0]!r}; if that is a class, rename it)" if words and what == "no value" else ""
    verb = "is" if len(cells) == 1 else "are"
    return [f"target {name!r}: {counted(len(cells), 'row')} with {what}{quoted} {verb} left out"]
