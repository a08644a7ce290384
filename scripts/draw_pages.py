"""Draw the pages that autoact makes, as a browser shows them: report and play, light, dark and narrow.

    python scripts/draw_pages.py RUN [--out docs/pictures]

RUN is the directory of a run that has ended. Needs Chromium.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from autoact.play import write_page
from scripts import terminal

LIGHT, DARK = 1, 0  # of preferredColorScheme
PICTURES = {  # page, window, colors
    "report.png": ("report", (1000, 1400), LIGHT),
    "report-dark.png": ("report", (1000, 1400), DARK),
    "report-narrow.png": ("report", (390, 1400), LIGHT),
    "report-front.png": ("front", (1000, 860), LIGHT),  # only of a search for two goals
    "play-flow-dark.png": ("play#flow", (1000, 900), DARK),
    "play-smooth-narrow.png": ("play#smooth", (390, 1000), LIGHT),
}


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
        pages = {"report": report, "play": write_page(Path(folder) / "play.html")}
        content = report.read_text(encoding="utf-8")
        if 'id="front"' in content:  # that section alone
            pages["front"] = Path(folder) / "front.html"
            hidden = "<style>main > :not(#front) { display: none }</style></head>"
            pages["front"].write_text(content.replace("</head>", hidden, 1), encoding="utf-8")
        for name, (page, (width, height), colors) in PICTURES.items():
            page, _, tab = page.partition("#")
            if page not in pages:
                continue
            address = pages[page].resolve().as_uri() + (f"#{tab}" if tab else "")
            command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
            command += [f"--window-size={width},{height}", "--virtual-time-budget=8000"]
            command += [f"--blink-settings=preferredColorScheme={colors}"]
            command += [f"--screenshot={(options.out / name).resolve()}", address]
            subprocess.run(command, check=True, capture_output=True)
            print(options.out / name)


if __name__ == "__main__":
    main()
