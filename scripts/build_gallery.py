"""Write docs/theory/gallery.md and its picture: what `autoact show` prints, for every activation.

python scripts/build_gallery.py [--out docs/theory]
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import autoact
from autoact.analysis import facts, subject
from autoact.cli.catalogue._catalogue import COLUMNS, describe, row
from scripts import terminal

HEAD = """# Gallery

Every registered activation with its default parameters, as `autoact show NAME` prints it. Written by
`python scripts/build_gallery.py`; nothing here is typed by hand. What the facts mean: [facts](facts.md).

![Value (blue) and derivative (red) of all activations between −4 and 4, in the table's order](gallery.png)

"""


def main() -> None:
    """Write page and picture."""
    folder = terminal.parser(__doc__, out=terminal.PICTURES.parent).parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    names = autoact.list_activations()
    (folder / "gallery.md").write_text(page(names), encoding="utf-8")
    picture(names).savefig(folder / "gallery.png", dpi=80)


def page(names: tuple[str, ...]) -> str:
    """Return the whole page."""
    table = [COLUMNS, ("---",) * len(COLUMNS), *(row(autoact.get(name), facts(name)) for name in names)]
    lines = ["| " + " | ".join(cells) + " |" for cells in table]
    shown = [f"## {name}\n\n```text\n{describe(name)}\n```\n" for name in names]
    return HEAD + "\n".join(lines) + "\n\n" + "\n".join(shown)


def picture(names: tuple[str, ...]) -> Figure:
    """Return small graphs of all activations."""
    columns, z = 8, np.linspace(-4.0, 4.0, 801)
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(1.75 * columns, 1.6 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, sharex=True)
    for place in axes.flat[len(names) :]:
        place.set_axis_off()
    for place, name in zip(axes.flat, names, strict=False):
        of = subject(name)
        place.axhline(0, color="0.85", lw=0.8)
        place.plot(z, of(z, 1), color="tab:red", lw=0.9)
        place.plot(z, of(z), color="tab:blue", lw=1.5)
        place.set_ylim(-2.5, 3.0)
        place.set_title(name, fontsize=9)
        place.tick_params(labelsize=6)
    return figure


if __name__ == "__main__":
    main()
