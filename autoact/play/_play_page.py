"""Page: HTML that holds its styles, its functions and its data, and asks for nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from autoact import dashboard
from autoact.errors import ConfigurationError, did_you_mean
from autoact.play._printed_functions import described, shown, source

TABS = ("carve", "match", "flow", "power", "smooth")
MARK = "<!-- autoact play -->"
_STATIC = Path(__file__).parent / "static"
_MODULES = (
    "controls",
    "least_squares",
    "power_model",
    "arrangement",
    "moments",
    "fitting",
    "network",
    "carve",
    "match",
    "flow",
    "power",
    "smooth",
    "play",
)
_IMPORT = re.compile(r'^import (\{.*?\}) from "\./(\w+)\.js";$', re.MULTILINE | re.DOTALL)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const) (\w+))", re.MULTILINE)
_HTML = f"""<!doctype html>
{MARK}
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
script-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>autoact play</title>
<style>
{{style}}
</style>
</head>
<body>
<main class="play">
<header><h1>Activation functions, by hand</h1></header>
<div id="play"><noscript>This page computes in your browser: allow it to run JavaScript.</noscript></div>
</main>
<script type="application/json" id="data">{{data}}</script>
<script type="module">
{{script}}
</script>
</body>
</html>
"""
_START = """
const data = JSON.parse(document.getElementById("data").textContent);
const {{ activations: functions, erf, erfc }} = {functions};
for (const each of data.activations) each.derivatives = functions[each.name];
globalThis.autoactPlay = {{ ...data, modules, erf, erfc }};
modules.play.play(document.getElementById("play"), data);
"""


def page(tabs: Sequence[str] = TABS) -> str:
    """Return one HTML page that needs no other file: parts of the theory, with every registered activation.

    Args:
        tabs: Which parts, in order: "carve", "match", "flow", "power", "smooth". One alone has no tab bar.

    Raises:
        ConfigurationError: No tab, one that does not exist, or one that is named twice.

    Example:
        >>> page(["carve"])[:15]
        '<!doctype html>'
    """
    for name in tabs:
        if name not in TABS:
            raise ConfigurationError(
                f"No tab {name!r}. There are: {', '.join(TABS)}.{did_you_mean(name, TABS)}"
            )
    if not tabs or len(set(tabs)) < len(tabs):
        raise ConfigurationError(f"tabs={list(tabs)}: name at least one of {', '.join(TABS)}, each once.")
    acts, left = shown()
    data = {"tabs": list(tabs), "left": left, "activations": [described(act) for act in acts]}
    start = _START.format(functions=source(acts))
    style = "\n".join([dashboard.style(), _read("play.css")])
    return _HTML.format(style=style, data=dashboard.embedded(data), script=_bundle() + start)


def write_page(path: str | Path, tabs: Sequence[str] = TABS) -> Path:
    """Write the page to a file, and return its absolute path.

    Args:
        path: Ends in .html or .htm; replaced only if it is such a page already.
        tabs: As of `page`.

    Raises:
        ConfigurationError: Another file by this name, or a folder that does not exist.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_page(f"{folder}/play.html").name
        'play.html'
    """
    target = Path(path).absolute()
    if target.suffix not in (".html", ".htm"):
        raise ConfigurationError(f"{path} does not end in .html: browsers tell a page by that.")
    if not target.parent.is_dir():
        raise ConfigurationError(f"{target.parent} is no folder. Make it, or give another file.")
    if target.exists() and not _is_page(target):
        raise ConfigurationError(f"{path} exists and is no page of autoact play. Remove it, or give another.")
    target.write_text(page(tabs), encoding="utf-8")
    return target


def _is_page(path: Path) -> bool:
    return path.is_file() and MARK.encode() in path.read_bytes()[:200]


def _read(name: str) -> str:
    return (_STATIC / name).read_text(encoding="utf-8")


def _bundle() -> str:
    """Return all modules as one, each in a scope of its own."""
    texts = {"widgets": dashboard.widgets(), **{name: _read(f"{name}.js") for name in _MODULES}}
    return "\n".join(["const modules = {};", *(_scoped(name, text) for name, text in texts.items())])


def _scoped(name: str, text: str) -> str:
    """Return a module as a call that gives what it exports."""
    body = _EXPORT.sub("", _IMPORT.sub(r"const \1 = modules.\2;", text))
    exported = ", ".join(_EXPORT.findall(text))
    return f"modules.{name} = (() => {{\n{body}\nreturn {{ {exported} }};\n}})();"
