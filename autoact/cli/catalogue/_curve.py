"""A function drawn with braille dots, for terminals and text pages."""

import math

import numpy as np

from autoact.analysis import Subject

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a braille cell: rows, then columns
_BLANK = 0x2800


def draw(of: Subject, low: float = -4.0, high: float = 4.0, columns: int = 40, rows: int = 8) -> str:
    """Return the graph of a function between two inputs, with its axes and the outer values.

    >>> from autoact.analysis import subject
    >>> print(draw(subject("relu"), columns=10, rows=2))
           4 ┤⠀⠀⠀⠀⠀⠀⠀⣠⠖⠋
           0 ┤⣀⣀⣀⣀⣀⡴⠋⠁⠀⠀
             └──────────
             -4        4
    """
    x = np.linspace(low, high, 2 * columns)
    y = of(x)
    finite = y[np.isfinite(y)]
    bottom, top = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    top = top if top > bottom else bottom + 1.0
    place = np.round((top - y) / (top - bottom) * (4 * rows - 1))
    cells = np.zeros((rows, columns), dtype=int)
    for column, (here, after) in enumerate(zip(place, np.append(place[1:], math.nan), strict=True)):
        for dot in _between(here, after):
            cells[dot // 4, column // 2] |= _DOTS[dot % 4][column % 2]
    return _framed(cells, (bottom, top), (low, high))


def _between(here: float, after: float) -> range:
    """Return the dots of one column: enough of them to reach half way to the next."""
    if not math.isfinite(here):
        return range(0)
    middle = int((here + after) / 2) if math.isfinite(after) else int(here)
    return range(min(int(here), middle), max(int(here), middle) + 1)


def _framed(cells: np.ndarray, values: tuple[float, float], inputs: tuple[float, float]) -> str:
    rows, columns = cells.shape
    labels = {0: f"{values[1]:.3g}", rows - 1: f"{values[0]:.3g}"}
    lines = [
        f"{labels.get(row, ''):>8} {'┤' if row in labels else '│'}"
        + "".join(chr(_BLANK + c) for c in cells[row])
        for row in range(rows)
    ]
    left, right = (f"{end:g}" for end in inputs)
    frame = ["└" + "─" * columns, f"{left}{right:>{columns - len(left) + 1}}"]
    return "\n".join([*lines, *(" " * 9 + line for line in frame)])
