"""Draw the pages that autoact makes, as a browser shows them: report, dashboard, play; light, dark, narrow.

    python scripts/draw_pages.py RUN [--out docs/pictures]

RUN is the directory of a run that has ended, such as that of `bash scripts/demo.sh`. Of a search for two
goals only the front is drawn. Needs Chromium.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from autoact.dashboard import NAME
from autoact.play import write_page
from scripts import terminal

LIGHT, DARK = 1, 0  # of preferredColorScheme
PICTURES = {  # page, window, colors
    "report.png": ("report", (1000, 1400), LIGHT),
    "report-dark.png": ("report", (1000, 1400), DARK),
    "report-narrow.png": ("report", (390, 1400), LIGHT),
    "dashboard-layers.png": ("one-shot", (1000, 690), LIGHT),
    "dashboard-narrow.png": ("one-shot", (390, 1100), DARK),
    "dashboard-search.png": ("search", (1000, 900), LIGHT),
    "play-carve.png": ("carve", (1060, 840), LIGHT),
    "play-match.png": ("match", (1060, 890), LIGHT),
    "play-flow-dark.png": ("flow", (1060, 1010), DARK),
    "play-power.png": ("power", (1060, 840), LIGHT),
    "play-smooth-narrow.png": ("smooth", (390, 1000), LIGHT),
}
FRONT = {"report-front.png": ("front", (1000, 900), LIGHT)}
MOVED = {  # labels of controls of the play page, and where they are put
    "carve": {"second layer": 3},
    "match": {"target": "bump"},
    "flow": {},
    "power": {"activation": "gaussian", "input scale s": 28, "width": 2},
    "smooth": {},
}
MOVE = """<script type="module">
for (const [name, value] of Object.entries(SETTINGS)) {
  const label = [...document.querySelectorAll("label")].find((each) => each.textContent === name);
  const control = document.getElementById(label.htmlFor);
  control.value = value;
  for (const kind of ["input", "change"]) control.dispatchEvent(new Event(kind, { bubbles: true }));
}
</script></body>"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw all, or say in one line what is missing."""
    parser = terminal.parser(__doc__, out=terminal.ROOT / "docs" / "pictures")
    parser.add_argument("run", type=Path, metavar="RUN")
    options = parser.parse_args(arguments)
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    report = (options.run / "report.html").resolve()
    if browser is None or not report.exists():
        sys.exit(f"There is no {'Chromium' if browser is None else report}; nothing was drawn.")
    with tempfile.TemporaryDirectory() as folder:
        front = 'id="front"' in report.read_text(encoding="utf-8")
        addresses = {"front": _front(report, Path(folder))} if front else _addresses(report, Path(folder))
        for name, (page, size, colors) in (FRONT if front else PICTURES).items():
            _draw(browser, addresses[page], options.out / name, size, colors)
            print(options.out / name)


def _draw(browser: str, address: str, out: Path, size: tuple[int, int], colors: int) -> None:
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command += [f"--window-size={size[0]},{size[1]}", "--virtual-time-budget=15000"]
    command += [f"--blink-settings=preferredColorScheme={colors}", f"--screenshot={out.resolve()}", address]
    subprocess.run(command, check=True, capture_output=True)


def _front(report: Path, folder: Path) -> str:
    """Return the address of a report's front alone."""
    alone = "<style>main > :not(#front) { display: none }</style></head>"
    page = folder / "front.html"
    page.write_text(report.read_text(encoding="utf-8").replace("</head>", alone, 1), encoding="utf-8")
    return page.as_uri()


def _addresses(report: Path, folder: Path) -> dict[str, str]:
    """Return the address of each page, with its controls as they are to be seen."""
    play = write_page(folder / "play.html").read_text(encoding="utf-8")
    found = {"report": report.as_uri()}
    for tab, settings in MOVED.items():
        page = folder / f"{tab}.html"
        page.write_text(play.replace("</body>", MOVE.replace("SETTINGS", json.dumps(settings)), 1), "utf-8")
        found[tab] = f"{page.as_uri()}#{tab}"
    return found | {kind: _dashboard(report.parent, kind, folder / kind) for kind in ("one-shot", "search")}


def _dashboard(run: Path, kind: str, folder: Path) -> str:
    """Return the address of a TensorBoard's tab that shows one record of a run."""
    from tensorboard.program import TensorBoard

    home = folder / "demo" / kind
    home.mkdir(parents=True)
    shutil.copyfile(run / "tensorboard" / kind / NAME, home / NAME)
    board = TensorBoard()
    board.configure(argv=["tensorboard", "--logdir", str(folder), "--port", "0", "--load_fast=false"])
    return f"{board.launch()}data/plugin_entry.html?name=autoact"


if __name__ == "__main__":
    main()
