"""CSV files as people have them: any separator, with or without header, in any common encoding."""

import csv
import io
import os
import re
from collections import Counter
from itertools import islice
from pathlib import Path

from autoact.errors import DataError
from autoact.tabular.files._cells import NUMBER_FORMS, best_form, dots_are_thousands, is_missing
from autoact.tabular.files._decoding import no_table, read_text
from autoact.tabular.files._table import Table

_SEPARATORS = ("\t", ";", ",", "|", " ")  # in this order: decimal commas and blanks cut evenly, too
_EVEN = 0.9  # share of lines with the same number of cells that settles the separator
_LOOKED_AT = 200  # rows that decide separator and header
_MOSTLY = 0.8  # share of numbers that makes a column numeric
_COMMENT = ("#", "%")  # how lines above a table begin that do not belong to it
_COMMA = re.compile(r"[+-]?[\d.]*\d,\d+\D*")
_DOT = re.compile(r"[+-]?\d*\.\d+")

Row = tuple[int, list[str]]  # the line where it ends, and its cells


def read_table(
    path: str | os.PathLike[str], target: str | None = None, *, header: bool | None = None
) -> Table:
    r"""Read a table from a CSV file.

    Separator (comma, semicolon, tab, bar, blanks), header and encoding are found by looking.

    Args:
        path: The file; gzip, bzip2, xz, and zip of one file are unpacked.
        target: A column that will be asked for; if the first line holds this name, that line is the header.
        header: Whether the first line names the columns; None decides by looking.

    Returns:
        The table, all cells as text.

    Raises:
        DataError: The file is no table: missing, empty, binary, or with lines of different length.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "table.csv"
        >>> _ = file.write_text("a;b\n1;2\n3;4\n")
        >>> read_table(file).names
        ('a', 'b')
    """
    file = Path(path)
    text, encoding = read_text(file)
    separator, rows = _rows(file, text)
    notes = [] if encoding.startswith("utf") else [f"{file.name} is not UTF-8; read as {encoding}"]
    if header is None:
        header = _has_header([cells for _, cells in rows[:_LOOKED_AT]], target)
    rows = _same_length(file, rows, header, separator)
    first = rows[0][1]
    names = _names(first) if header else tuple(str(i + 1) for i in range(len(first)))
    repeated = [name for name, count in Counter(first).items() if header and name and count > 1]
    notes += [f"several columns are called {name!r}: told apart as {name}, {name}.1" for name in repeated]
    body = [cells for _, cells in rows[header:]]
    if not body:
        raise DataError(f"{file} has a header line and no rows below it.")
    columns = tuple(zip(*body, strict=True))
    return Table(
        names=names,
        columns=columns,
        header=header,
        source=str(file),
        notes=tuple(notes),
        comma=separator == ";" and _commas_are_decimal(body),
        repeated=frozenset(repeated),
    )


def _rows(file: Path, text: str) -> tuple[str, list[Row]]:
    """Return the separator and the rows that are not blank; comment lines at the top are left out."""
    lines = text.splitlines(keepends=True)
    first = next((i for i, line in enumerate(lines) if line.strip() and line[0] not in _COMMENT), len(lines))
    if lines[first:] and lines[first].lower().startswith("sep=") and len(lines[first].strip()) == 5:
        first += 1  # a line that Excel writes
    body = "".join(lines[first:])
    if (kind := no_table(body)) is not None:
        raise DataError(f"{file} is {kind}, not a table. Save the table as CSV (comma-separated text) first.")
    separator = _separator(body)
    if separator == " ":
        body = body.replace("\t", " ")
    rows = [(first + number, cells) for number, cells in _parsed(file, body, separator, first)]
    if not rows:
        raise DataError(f"{file} holds no rows.")
    return separator, rows


def _parsed(file: Path, text: str, separator: str, skipped: int) -> list[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    rows = []
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if separator == " ":
                stripped = [cell for cell in stripped if cell]
            if any(stripped):
                rows.append((reader.line_num, stripped))
    except csv.Error as error:
        raise DataError(f"{file}, line {skipped + reader.line_num}: {error}. Check the quotes.") from error
    return rows


def _commas_are_decimal(body: list[list[str]]) -> bool:
    """Tell whether the first rows have numbers such as 0,5 and none such as 0.5."""
    cells = {cell for row in body[:_LOOKED_AT] for cell in row}
    return any(map(_COMMA.fullmatch, cells)) and not any(
        _DOT.fullmatch(cell) and not dots_are_thousands([cell]) for cell in cells
    )


def _separator(text: str) -> str:
    """Return the separator that cuts the first lines into the same number of cells, more than one."""
    lines = list(islice(io.StringIO(text, newline=""), _LOOKED_AT))
    padded = sum("  " in line.strip() for line in lines) >= _EVEN * len(lines)
    scores = {}
    for separator in _SEPARATORS:
        if separator == "\t" and padded:  # blanks and tabs both align columns
            continue
        sample = "".join(lines) if separator != " " else "".join(lines).replace("\t", " ")
        try:
            reader = csv.reader(io.StringIO(sample, newline=""), delimiter=separator, skipinitialspace=True)
            lengths = [len([c for c in row if c] if separator == " " else row) for row in reader if any(row)]
        except csv.Error:
            continue
        length, count = Counter(lengths).most_common(1)[0] if lengths else (0, 0)
        scores[separator] = (count / len(lengths), length) if length > 1 else (0.0, 0)
    even = (separator for separator, (share, _) in scores.items() if share >= _EVEN)
    return next(even, max(scores, key=scores.__getitem__, default=","))


def _has_header(rows: list[list[str]], target: str | None) -> bool:
    first, body = rows[0], rows[1:]
    if target is not None and target in first and not _is_number_of_column(target, len(first)):
        return True
    columns = list(zip(*(cells for cells in body if len(cells) == len(first)), strict=True))
    for name, column in zip(first, columns, strict=False):
        if not (_is_number(name) or is_missing(name)) and best_form(column, NUMBER_FORMS)[1] >= _MOSTLY:
            return True
    if any(map(_is_number, first)):
        return False
    return not any(name in column for name, column in zip(first, columns, strict=False))


def _is_number(cell: str) -> bool:
    return not is_missing(cell) and best_form([cell], NUMBER_FORMS)[1] > 0


def _is_number_of_column(target: str, columns: int) -> bool:
    return target.removeprefix("-").isdecimal() and abs(int(target)) <= columns


def _same_length(file: Path, rows: list[Row], header: bool, separator: str) -> list[Row]:
    """Return rows of one length; a header without a name for the row names gets one.

    Raises:
        DataError: Names the first line that differs.
    """
    length = len(rows[0][1])
    if header and len(rows) > 1 and {len(cells) for _, cells in rows[1:]} == {length + 1}:
        if all(cells[-1] == "" for _, cells in rows[1:]):  # a separator at the end of each line
            return [rows[0], *((line, cells[:-1]) for line, cells in rows[1:])]
        return [(rows[0][0], ["", *rows[0][1]]), *rows[1:]]
    for line, cells in rows:
        if len(cells) != length:
            name = {"\t": "tabs", " ": "blanks"}.get(separator, repr(separator))
            raise DataError(
                f"{file}, line {line}: {_count(len(cells))} where the first line has {length} "
                f"(separated by {name}). Repair the line; quote cells that hold the separator."
            )
    return rows


def _count(cells: int) -> str:
    return "1 cell" if cells == 1 else f"{cells} cells"


def _names(cells: list[str]) -> tuple[str, ...]:
    """Return names that are all different; a column without one is named by its number."""
    names: list[str] = []
    for place, cell in enumerate(cells):
        name = cell or f"column {place + 1}"
        again = names.count(name) and sum(known == name or known.startswith(f"{name}.") for known in names)
        names.append(f"{name}.{again}" if again else name)
    return tuple(names)
