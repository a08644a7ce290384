"""Inline SVG of a figure that takes colors and font from the page, so that it is readable light and dark."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from autoact.errors import left_out

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Drawn in these colors, printed as the page's variables of the same names.
COLORS = {
    "ink": "#010203",
    "muted": "#010204",
    "grid": "#010205",
    "chosen": "#010206",
    "original": "#010207",
    "uniform": "#010208",
    "paper": "#010209",
}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a name with two dollars is no formula
    "font.size": 9,
    "axes.edgecolor": COLORS["grid"],
    "axes.labelcolor": COLORS["muted"],
    "axes.titlesize": 9,
    "axes.titlecolor": COLORS["ink"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": COLORS["grid"],
    "grid.linewidth": 0.6,
    "text.color": COLORS["ink"],
    "xtick.color": COLORS["muted"],
    "ytick.color": COLORS["muted"],
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


def draw(
    name: str,
    label: str,
    width: float,
    height: float,
    paint: Callable[..., None],
    columns: int = 1,
    rows: int = 1,
) -> str:
    """Return a figure as an SVG element; nothing where matplotlib is missing.

    Args:
        name: Short unique name; prefix of every id inside.
        label: What the figure shows, for those who cannot see it.
        width: Width in inches of 72 pixels.
        height: Height in the same unit.
        paint: Called with the axes, in reading order; draws into them.
        columns: Number of axes beside each other.
        rows: Number of rows of axes.
    """
    if left_out("matplotlib", "Figures of the report"):
        return ""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=(width, height))
        axes: list[Axes] = list(figure.subplots(rows, columns, squeeze=False).flat)
        paint(*axes)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _inline(text.getvalue(), name, label)


def _inline(text: str, name: str, label: str) -> str:
    """Turn a standalone SVG file into an element of the page."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(
        r' id="(?:figure|axes|patch|line2d|text|matplotlib\.axis|xtick|ytick|legend|PathCollection)_\d+"',
        "",
        text,
    )
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)
    viewbox = re.search(r'viewBox="[^"]*"', text)
    opening = f'<svg {viewbox[0] if viewbox else ""} role="img" aria-label="{html.escape(label)}" '
    opening += 'xmlns:xlink="http://www.w3.org/1999/xlink">'
    text = re.sub(r"<svg [^>]*>", lambda _: opening, text, count=1)  # a label may have backslashes
    for variable, color in COLORS.items():
        text = text.replace(color, f"var(--{variable})")
    return text
