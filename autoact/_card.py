"""Tables for people: cards of HTML for notebooks, in the notebook's own colors, and columns of text."""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import islice

ROWS = 40  # shown of a table; the object itself has all
NAMES = 6  # shown of a list in a repr
_STYLE = (
    "display: inline-block; max-width: 100%; overflow-x: auto; padding: 0.4em 0.9em; line-height: 1.5; "
    "border: 1px solid rgba(128, 128, 128, 0.4); border-left: 4px solid {}; border-radius: 4px"
)
_CELL = "text-align: left; padding: 0.1em 1em 0.1em 0"


def card(
    title: str,
    head: Sequence[str],
    rows: Iterable[Sequence[object]],
    notes: Iterable[str] = (),
    *,
    color: str = "gray",
) -> str:
    """Return a card: no script, no request, text in the color of its surroundings, so light or dark.

    Args:
        title: In bold above the table.
        head: Names of the columns.
        rows: Cells as values; text is escaped.
        notes: Lines below the table.
        color: Of the bar at the left, as CSS has it.

    Example:
        >>> "<td" in card("Layers", ["layer"], [["net.1"]]), "&lt;b&gt;" in card("<b>", [], [])
        (True, True)
    """
    every = iter(rows)
    lines = [_row("td", row) for row in islice(every, ROWS)]
    left = sum(1 for _ in every)
    table = f'<table style="margin: 0.4em 0">{_row("th", head)}{"".join(lines)}</table>' if lines else ""
    below = [*([f"and {left} more"] if left else []), *notes]
    shown = "".join(f'<div style="opacity: 0.75">{escape(note)}</div>' for note in below)
    return f'<div style="{_STYLE.format(color)}"><b>{escape(title)}</b>{table}{shown}</div>'


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a line for each row, with columns as wide as their widest cell; short rows end early.

    Args:
        rows: Cells of each row.

    Example:
        >>> aligned([["layer", "now"], ["net.1", "relu"], ["note"]])
        ['layer  now', 'net.1  relu', 'note']
    """
    columns = max(map(len, rows), default=0)
    padded = [[*row, *[""] * (columns - len(row))] for row in rows]
    widths = [max(map(len, cells)) for cells in zip(*padded, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in padded]


def _row(tag: str, cells: Sequence[object]) -> str:
    shown = "".join(f"<{tag} style='{_CELL}'>{escape(str(cell))}</{tag}>" for cell in cells)
    return f"<tr>{shown}</tr>"
