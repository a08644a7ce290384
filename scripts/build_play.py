"""Playground of the docs: write docs/play.html, what `autoact play` writes, or parts of it.

python scripts/build_play.py [--out docs/play.html] [--tabs carve,match]
"""

import sys
from pathlib import Path

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from autoact.play import TABS, write_page
from scripts import terminal


def main() -> None:
    """Write the page."""
    parser = terminal.parser(__doc__, out=terminal.ROOT / "docs" / "play.html")
    parser.add_argument("--tabs", default=",".join(TABS), help="which parts, in order (default: %(default)s)")
    options = parser.parse_args()
    print(write_page(options.out, options.tabs.split(",")))


if __name__ == "__main__":
    main()
