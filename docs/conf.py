"""Settings of Sphinx, which makes a site of these pages: `bash scripts/build_docs.sh`."""

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

project = author = "autoact"
root_doc = "README"
extensions = ["myst_parser"]
myst_heading_anchors = 4
exclude_patterns = ["pictures"]
nitpicky = True
html_theme = "furo"
html_title = "autoact"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = html_show_sourcelink = html_show_copyright = False
html_theme_options = {"navigation_with_keys": True}
templates_path: list[str] = []

INDEXES = ("README", "api/README")
TABS = {
    "theory/carving": "carve",
    "theory/matching": "match",
    "theory/flow": "flow",
    "theory/power": "power",
    "theory/smoothness": "smooth",
}


def setup(app):
    """Fill the sidebar from the lists of the index pages; put the interactive pages into theory."""
    app.connect("source-read", extend)
    app.connect("build-finished", write_play)


def extend(_, page, source):
    """Append to the text of a page what only the site has."""
    if page in INDEXES:
        source[0] += "".join(toctree(part) for part in re.split(r"^## ", source[0], flags=re.MULTILINE))
    if page in TABS and find_spec("autoact.play"):
        frame = f'<iframe class="play" src="../_static/play-{TABS[page]}.html" title="Try it"></iframe>'
        source[0] += f"\n## Try it\n\n```{{raw}} html\n{frame}\n```\n"


def toctree(part):
    """Return a hidden table of contents of the pages that a part of an index lists."""
    pages = re.findall(r"^- \[.*?\]\(([^)#:]+)\.md\)", part, re.MULTILINE)
    caption = f":caption: {part.splitlines()[0]}\n" if not part.startswith("#") else ""
    return f"\n```{{toctree}}\n:hidden:\n{caption}\n" + "\n".join(pages) + "\n```\n" if pages else ""


def write_play(app, error):
    """Write the interactive pages, where this version has them."""
    if error is None and find_spec("autoact.play"):
        for tab in TABS.values():
            text = import_module("autoact.play").page(tabs=[tab])
            (Path(app.outdir) / "_static" / f"play-{tab}.html").write_text(text, encoding="utf-8")
