"""Terminal side of the scripts: arguments that several take, tables that they print, the machine's name."""

from __future__ import annotations

import argparse
import datetime
import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TABLES = ROOT / "docs" / "benchmarks" / "tables"
PICTURES = ROOT / "docs" / "theory" / "pictures"
RUNS = Path("runs")
_SHORT = RUNS / "short"
_WRITTEN = ("out", "json", "table")  # options that name what a script writes


class _Parser(argparse.ArgumentParser):
    """Parser that lets no `--short` run write into docs/, which holds what whole runs have written."""

    def parse_known_args(self, *given: Any, **more: Any) -> Any:
        options, rest = super().parse_known_args(*given, **more)
        for name in _WRITTEN if getattr(options, "short", False) else ():
            path = getattr(options, name, None)
            if isinstance(path, Path) and path.resolve().is_relative_to(ROOT / "docs"):
                setattr(options, name, _SHORT / path.name)
                _SHORT.mkdir(parents=True, exist_ok=True)
        return options, rest


def parser(
    about: str | None, *, short: str | None = None, out: Path | None = None, tables: bool = False
) -> argparse.ArgumentParser:
    """Return a parser whose help is the script's docstring, with the arguments that several scripts take.

    Args:
        about: The script's `__doc__`.
        short: What is left out with `--short`; None: there is no such option.
        out: Default of `--out`, a folder or a file; None: there is no such option.
        tables: Whether there is `--tables`, by default the folder of the tables of development.

    Example:
        >>> parser("Draw.", short="one curve", out=RUNS).parse_args(["--short"])
        Namespace(short=True, out=PosixPath('runs'))
    """
    made = _Parser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    if short is not None:
        made.add_argument("--short", action="store_true", help=short)
    if out is not None:
        made.add_argument("--out", type=Path, default=out, help="where it is written (default: %(default)s)")
    if tables:
        made.add_argument("--tables", type=Path, default=TABLES, help="folder of search tables")
    return made


def kept_in(options: argparse.Namespace) -> Path:
    """Return the folder of what a run keeps, for scripts that go on where they were: `--short` has its own.

    Args:
        options: With `out` and `short`.

    Example:
        >>> kept_in(parser("Train.", short="one seed", out=RUNS).parse_args(["--short"]))
        PosixPath('runs/short')
    """
    apart = options.short and not options.out.is_relative_to(_SHORT)
    return Path(options.out / "short" if apart else options.out)


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]], alignment: str = "") -> str:
    """Return a table in markdown.

    Args:
        head: Names of the columns.
        rows: Cells.
        alignment: "l" or "r" per column; by default the first is left and all others are right.

    Example:
        >>> print(markdown(("table", "regret"), [("digits", 0.25)]))
        | table | regret |
        |---|--:|
        | digits | 0.25 |
    """
    marks = {"l": "---", "r": "--:"}
    rule = "|".join(marks[side] for side in alignment or "l" + "r" * (len(head) - 1))
    lines = [f"| {' | '.join(map(str, cells))} |" for cells in (head, *rows)]
    return "\n".join([lines[0], f"|{rule}|", *lines[1:]])


def machine() -> dict[str, str]:
    """Return date, processor and version of Python, for what is measured here.

    Example:
        >>> list(machine())
        ['date', 'machine', 'python']
    """
    return {
        "date": datetime.date.today().isoformat(),
        "machine": f"{os.cpu_count()}-core {platform.machine()}",
        "python": platform.python_version(),
    }
