"""Scripts and styles of the widgets: files for the dashboard, text for a page that stands alone."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

STATIC = Path(__file__).parent / "static"
_IMPORT = re.compile(r"^import .*?;\n", re.MULTILINE | re.DOTALL)


@cache
def style() -> str:
    """Return the colors and the look of the widgets."""
    return (STATIC / "widgets.css").read_text(encoding="utf-8")


@cache
def widgets() -> str:
    """Return the chart and the table as a module: for pages that have views of their own."""
    return (STATIC / "widgets.js").read_text(encoding="utf-8")


@cache
def script() -> str:
    """Return the widgets as one module that draws whatever a page asks for by `data-figure`."""
    names = ("widgets.js", "heatmap.js", "views.js", "report.js")
    parts = [(STATIC / name).read_text(encoding="utf-8") for name in names]
    return "\n".join(_IMPORT.sub("", part) for part in parts)


def embedded(data: Any) -> str:
    r"""Return plain types as JSON that may stand inside a script element, whatever its texts hold.

    Args:
        data: Plain types; no number that is not finite.

    Example:
        >>> print(embedded({"layer": "</script>"}))
        {"layer":"\u003c/script\u003e"}
    """
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
