"""Cells of a table: each says nothing, a number, or a moment in time."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Parse = Callable[[str], float | None]

MISSING = frozenset(
    {"", "na", "n/a", "#n/a", "nan", "<na>", "null", "none", "nil", "missing", "?", "-", "--", "."}
)
_MONEY = r"(?:[$€£¥₹]|USD|EUR|GBP|CHF|JPY|INR|CAD|AUD|Rs\.?)"
_UNIT = re.compile(rf"^([+-]?){_MONEY}\s*|\s*(?:%|{_MONEY})$")
_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(,\d{3})+(?![\d,])")  # 0,300 has a decimal comma
_BLANKS = re.compile(r"(?<=\d)[ '’\u00a0\u2009\u202f](?=\d{3}(?!\d))")  # 1 234, 1'234
_COMMA = re.compile(r"[+-]?((\d{1,3}(\.\d{3})+|\d*),\d+([eE][+-]?\d+)?|[1-9]\d{0,2}(\.\d{3})+)")
_DOT = re.compile(
    r"[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d+)?"
)  # 1.200 or 1.200,5: thousands where commas are decimal
_DAYS = (
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d-%b-%Y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
)
_MONTHS = ("%Y-%m", "%Y/%m", "%m/%Y", "%b-%y", "%b %Y", "%B %Y")
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_SAMPLE = 200  # distinct cells that decide how a column is read


def is_missing(cell: str) -> bool:
    """Tell whether a cell says that there is no value.

    Example:
        >>> is_missing(" N/A "), is_missing("0")
        (True, False)
    """
    return cell.strip().lower() in MISSING


def _bare(cell: str) -> str:
    """Return a number without its unit, with a plain minus and without blanks between thousands."""
    text = _BLANKS.sub("", cell.strip().replace("−", "-"))
    if text.startswith("(") and text.endswith(")"):  # as in accounts
        text = f"-{text[1:-1]}"
    return _UNIT.sub(r"\1", text)


def _plain(cell: str) -> float | None:
    try:
        return float(cell) if "_" not in cell else None
    except ValueError:
        text = _bare(cell)
        text = text.replace(",", "") if _THOUSANDS.search(text) else text
    try:
        return float(text) if "_" not in text else None
    except ValueError:
        return None


def _with_comma(cell: str) -> float | None:
    text = _bare(cell)
    return float(text.replace(".", "").replace(",", ".")) if _COMMA.fullmatch(text) else _plain(text)


def _iso(cell: str) -> float | None:
    try:
        moment = datetime.fromisoformat(cell.strip())
    except ValueError:
        return None
    return _seconds(moment)


def _dated(form: str, cell: str) -> float | None:
    try:
        return _seconds(datetime.strptime(cell.strip(), form))
    except ValueError:
        return None


def _seconds(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


NUMBER_FORMS: dict[str, Parse] = {"plain": _plain, "decimal comma": _with_comma}
DATE_FORMS: dict[str, Parse] = {
    "ISO 8601": _iso,
    **{day + time: partial(_dated, day + time) for day in _DAYS for time in _TIMES},
    **{form: partial(_dated, form) for form in (*_MONTHS, *map(str.strip, _TIMES[1:]))},
}


class Reading(NamedTuple):
    """Cells of a column, read in the form that suits most of them.

    Attributes:
        form: Its name.
        share: Of the cells that are not missing, those that it reads.
        numbers: What it reads, NaN where there is none.
        strange: The cells that are neither missing nor read.
    """

    form: str
    share: float
    numbers: Floats
    strange: Sequence[str]


def number_forms(cells: Sequence[str], *, comma: bool) -> dict[str, Parse]:
    """Return the forms of numbers, the likelier first.

    Where commas are decimal, 1,234 is 1.234, and 1.234 is 1234 if all dots of the column may be thousands.

    Args:
        cells: Of one column.
        comma: Whether commas are decimal in the table.

    Example:
        >>> list(number_forms(["1,234"], comma=True)), list(number_forms(["1.234", "7"], comma=True))
        (['decimal comma', 'plain'], ['decimal comma', 'plain'])
    """
    if comma and (dots_are_thousands(cells) or any("," in cell for cell in cells)):
        return dict(reversed(NUMBER_FORMS.items()))
    return NUMBER_FORMS


def dots_are_thousands(cells: Sequence[str]) -> bool:
    """Tell whether cells have dots, all of them where thousands may end.

    Example:
        >>> dots_are_thousands(["1.200", "850"]), dots_are_thousands(["1.200", "0.85"])
        (True, False)
    """
    dotted = [cell for cell in cells if "." in cell and not is_missing(cell)]
    return bool(dotted) and all(_DOT.fullmatch(_bare(cell)) for cell in dotted)


def best_form(cells: Sequence[str], forms: dict[str, Parse]) -> tuple[str, float]:
    """Return the form that reads most of the cells that are not missing, and the share it reads.

    Example:
        >>> best_form(["3,14", "2,5", "?"], NUMBER_FORMS)
        ('decimal comma', 1.0)
        >>> best_form(["31/12/2024", "01/02/2024"], DATE_FORMS)
        ('%d/%m/%Y', 1.0)
    """
    return read_as(cells, forms)[:2]


def read_as(cells: Sequence[str], forms: dict[str, Parse]) -> Reading:
    """Return the cells, read in the form that suits most of those that are not missing.

    Example:
        >>> reading = read_as(["3,14", "2,5", "?", "about 3"], NUMBER_FORMS)
        >>> reading.form, reading.numbers.tolist(), reading.strange
        ('decimal comma', [3.14, 2.5, nan, nan], ['about 3'])
    """
    name = next(iter(forms))
    numbers = _at_once(cells) if forms[name] is _plain else None
    if numbers is None:
        name, some = _likeliest(cells, forms)
        numbers = values(cells, forms[name]) if some else np.full(len(cells), np.nan)
    unread = [cells[place] for place in np.flatnonzero(np.isnan(numbers)).tolist()]
    strange = [cell for cell in unread if not is_missing(cell)]
    told = len(cells) - len(unread)
    return Reading(name, told / max(told + len(strange), 1), numbers, strange)


def _likeliest(cells: Sequence[str], forms: dict[str, Parse]) -> tuple[str, bool]:
    """Return the form that reads most of a sample of different cells, and whether it reads any."""
    distinct = [cell for cell in dict.fromkeys(cells) if not is_missing(cell)]
    sample = distinct[:: max(1, len(distinct) // _SAMPLE)][:_SAMPLE]
    counts = {name: sum(value is not None for value in map(parse, sample)) for name, parse in forms.items()}
    name = max(counts, key=counts.__getitem__)  # the first of those that tie
    return name, counts[name] > 0


def values(cells: Sequence[str], parse: Parse) -> Floats:
    """Return the cells as numbers, NaN where there is none; each distinct text is read once.

    Example:
        >>> values(["1", "", "two", "$1,200.50", "12 %"], NUMBER_FORMS["plain"]).tolist()
        [1.0, nan, nan, 1200.5, 12.0]
    """
    if parse is _plain and (numbers := _at_once(cells)) is not None:
        return numbers
    found: dict[str, float] = {}
    for cell in set(cells):
        value = parse(cell)  # no form reads a cell that says that there is no value, but for NaN
        found[cell] = np.nan if value is None else value
    return np.array([found[cell] for cell in cells], dtype=np.float64)


def _at_once(cells: Sequence[str]) -> Floats | None:
    """Return plain numbers, empty cells as NaN, several times as fast; None if there is anything else."""
    try:
        numbers = np.array([float(cell or "nan") for cell in cells], dtype=np.float64)
    except ValueError:
        return None
    return None if "_" in "".join(cells) else numbers
