"""The command `autoact play`: the theory of activation functions, tried by hand in a browser."""

import argparse
import os
import sys
import webbrowser
from pathlib import Path

from autoact.cli._parser import MODULE, print_json

OUT = "autoact-play.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("--out", metavar="FILE", default=OUT, help="what to write (default: %(default)s)")
    parser.add_argument("--module", **MODULE)
    parser.add_argument("--no-open", action="store_true", help="write the page and open no browser")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the page, say where it is, and open it."""
    from autoact.cli.catalogue import load_module
    from autoact.play import write_page

    if options.module:
        load_module(options.module)
    path = write_page(options.out)
    opened = not options.no_open and _open(path)
    if options.json:
        print_json({"path": str(path), "opened": opened})
        return 0
    print(f"{path}: {'opened in your browser' if opened else 'open it in a browser'}; it needs no network.")
    return 0


def _open(path: Path) -> bool:
    """Open a page where there is a screen: a browser in the terminal would take that over."""
    screen = sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    return bool(screen) and webbrowser.open(path.as_uri())
