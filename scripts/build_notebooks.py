"""Notebooks: write docs/notebooks/ from pages, each block of Python as a cell with its output.

python scripts/build_notebooks.py [--short] [--out docs/notebooks]

The cells run here, one after the other, in an empty folder; nothing of Jupyter is needed.
"""

import ast
import json
import re
import sys
import tempfile
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts import terminal

DOCS = terminal.ROOT / "docs"
PAGES = ("first-hour",)
_BLOCK = re.compile(r"^```python\n(.*?)\n```\n", re.MULTILINE | re.DOTALL)


def main() -> None:
    """Write every notebook."""
    parser = terminal.parser(__doc__, short="searches of two trainings", out=DOCS / "notebooks")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name in PAGES:
        made = run(notebook(name), short=options.short)
        text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
        (options.out / f"{name}.ipynb").write_text(text, encoding="utf-8")


def notebook(name: str) -> dict[str, Any]:
    """Return a page as a notebook without outputs; its links lead to the pages above its folder."""
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8").replace("](", "](../")
    text = re.sub(r"^Also as a \[notebook\].*\n\n", "", text, flags=re.MULTILINE)
    pieces = _BLOCK.split(text)  # text and code in turn
    cells = [_cell(number, piece.strip()) for number, piece in enumerate(pieces) if piece.strip()]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def run(made: dict[str, Any], *, short: bool = False) -> dict[str, Any]:
    """Run the cells of a notebook in order and put their outputs into it.

    Args:
        made: The notebook.
        short: Whether searches get two trainings.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        for number, cell in enumerate((c for c in made["cells"] if c["cell_type"] == "code"), 1):
            code = cell["source"]
            if short:
                code = re.sub(r"budget=\d+", "budget=2, seeds=2, selection_seeds=1", code)
            cell["outputs"], cell["execution_count"] = _outputs(code, names, number), number
    return made


def _outputs(code: str, names: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """Run one cell; return what it printed, and the value of its last line as text and HTML."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    printed, value = StringIO(), None
    with redirect_stdout(printed), redirect_stderr(StringIO()):  # a bar is nothing to keep
        exec(compile(tree, f"cell {number}", "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), names)
    text = printed.getvalue()
    outputs: list[dict[str, Any]] = []
    if text:
        outputs.append({"name": "stdout", "output_type": "stream", "text": text})
    if value is not None:
        data = {"text/plain": repr(value)}
        if hasattr(value, "_repr_html_"):
            data["text/html"] = value._repr_html_()
        shown = {"output_type": "execute_result", "execution_count": number, "metadata": {}}
        outputs.append(shown | {"data": data})
    return outputs


def _cell(number: int, text: str) -> dict[str, Any]:
    shared = {"id": f"cell-{number}", "metadata": {}}
    if number % 2:
        return {"cell_type": "code", "execution_count": None, **shared, "outputs": [], "source": text}
    return {"cell_type": "markdown", **shared, "source": text}


if __name__ == "__main__":
    main()
