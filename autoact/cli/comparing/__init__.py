"""The command `autoact compare`: runs side by side, or activations of a file with all others."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from autoact._names import public_names
from autoact.cli.comparing._runs_side_by_side import side_by_side
from autoact.cli.comparing._user_activations import add_ranking_arguments, compare_activations, given
from autoact.errors import ConfigurationError

__all__ = ["add_arguments"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument(
        "subjects",
        metavar="RUN|FILE.py",
        nargs="+",
        help="run directories, two at least; or Python files that register activations",
    )
    add_ranking_arguments(parser.add_argument_group("of FILE.py"))
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    files = [name for name in options.subjects if Path(name).suffix == ".py"]
    if files and len(files) < len(options.subjects):
        other = next(name for name in options.subjects if name not in files)
        raise ConfigurationError(f"compare takes runs or Python files; {files[0]} and {other} are both.")
    if files:
        return compare_activations(options)
    if wrong := given(options):
        raise ConfigurationError(f"{wrong[0]} belongs to FILE.py: autoact compare mine.py {wrong[0]} ...")
    side_by_side(options)
    return 0


if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__, __all__)
