"""The command `autoact`: search, advise, cost, list, show, report.

Exit status 0: done. 1: the search failed. 2: bad input, told in one line on stderr.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import autoact
from autoact.cli._advise import add_arguments as add_advise_arguments
from autoact.cli._cost import add_arguments as add_cost_arguments
from autoact.cli._request import read_request
from autoact.errors import AutoActError, ConfigurationError, SearchFailedError

_SETTINGS = ("monitor", "mode", "budget", "seeds", "workers", "storage", "seed", "hours")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    Args:
        arguments: What follows `autoact` on the command line; default: that of this process.

    Example:
        >>> main(["show", "rleu"])
        2
    """
    try:
        options = _parser().parse_args(arguments)
        status = int(options.run(options))
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except AutoActError as error:
        print(f"autoact: {' '.join(str(error).split())}", file=sys.stderr)
        return 1 if isinstance(error, SearchFailedError) else 2


class _Parser(argparse.ArgumentParser):
    """A parser that complains in one line, as everything else here does."""

    def error(self, message: str) -> NoReturn:
        raise ConfigurationError(f"{message}; `{self.prog} --help` tells what it takes.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="autoact", description="Let a model select its own activation functions.")
    parser.add_argument("--version", action="version", version=f"autoact {autoact.__version__}")
    commands = parser.add_subparsers(required=True, metavar="command", title="commands")
    _add_search(commands.add_parser("search", help="choose an activation for every layer of a model"))
    listing = commands.add_parser("list", help="list the activations")
    listing.add_argument("--module", metavar="FILE", help="Python file that registers activations of yours")
    listing.set_defaults(run=_list)
    show = commands.add_parser("show", help="show formula, parameters and facts of an activation")
    show.add_argument("name", help="name of the activation, such as elu")
    show.add_argument("--param", metavar="NAME=VALUE", action="append", default=[], help="set a parameter")
    show.add_argument("--module", metavar="FILE", help="Python file that registers activations of yours")
    show.set_defaults(run=_show)
    add_advise_arguments(commands.add_parser("advise", help="which activations suit a problem, and why"))
    add_cost_arguments(
        commands.add_parser("cost", help="measure what activations cost on this device, and an assignment")
    )
    report = commands.add_parser("report", help="write a run's report.html again and print its summary")
    report.add_argument("directory", metavar="RUN", help="a run directory")
    report.set_defaults(run=_report)
    return parser


def _add_search(parser: argparse.ArgumentParser) -> None:
    what = parser.add_argument_group("what to search").add_mutually_exclusive_group()
    what.add_argument(
        "--config", metavar="FILE", help="YAML with model, data, trainer, and maybe space and search"
    )
    what.add_argument("--task", metavar="NAME", help="a task that comes with autoact: digits")
    what.add_argument(
        "--data", metavar="FILE", help="CSV file with a row per example; --target names a column"
    )
    what.add_argument("--resume", metavar="DIR", help="go on with the run in this directory")
    table = parser.add_argument_group("with --data")
    table.add_argument("--target", metavar="COLUMN", help="column to predict: name, or number (-1: the last)")
    table.add_argument(
        "--problem", metavar="classification|regression", help="decided by the target's values if left out"
    )
    how = parser.add_argument_group("how")
    how.add_argument(
        "--space", metavar="NAME|FILE", help="search space (default: default; with --data: tabular)"
    )
    how.add_argument("--monitor", metavar="NAME", help="logged value to optimize (default: val_loss)")
    how.add_argument("--mode", metavar="min|max", help="inferred from loss or acc in the monitor's name")
    how.add_argument("--budget", metavar="N", type=int, help="trainings to spend on the search (default: 20)")
    how.add_argument("--seeds", metavar="N", type=int, help="fresh seeds of the confirmation (default: 10)")
    how.add_argument(
        "--hours", metavar="H", type=float, help="wall time after which the search stops and chooses"
    )
    how.add_argument("--seed", metavar="N", type=int, help="everything random follows from it (default: 0)")
    how.add_argument("--workers", metavar="N", type=int, help="processes that train at once (default: 1)")
    how.add_argument(
        "--storage", metavar="URL", help="Optuna storage (default: study.db in the run directory)"
    )
    how.add_argument(
        "--out", metavar="DIR", help="run directory to make (default: the first free runs/NAME-N)"
    )
    how.add_argument(
        "--dry-run", action="store_true", help="tell layers, candidates and cost; train nothing more"
    )
    how.add_argument("--quiet", action="store_true", help="print the result only")
    parser.set_defaults(run=_search)


def _search(options: argparse.Namespace) -> int:
    request = read_request(options)
    given = {key: getattr(options, key) for key in _SETTINGS if getattr(options, key) is not None}
    from autoact.search import run_search

    if request.notes and not options.quiet:
        print("\n".join(request.notes), end="\n\n")
    try:
        result = run_search(
            request.model,
            request.data,
            **{**request.settings, **given},
            space=options.space or request.space,
            task=request.name,
            source=request.source,
            out=request.out,
            resume=request.resume,
            dry_run=options.dry_run,
            quiet=options.quiet,
        )
    except KeyboardInterrupt:
        resume = f" Go on with: autoact search --resume {request.out}" if request.out.is_dir() else ""
        print(f"autoact: interrupted.{resume}", file=sys.stderr)
        return 130
    if result.run_dir is not None:
        print(f"\n{result.summary()}")
    return 0


def _list(options: argparse.Namespace) -> int:
    from autoact.cli._catalogue import print_list

    print_list(options.module)
    return 0


def _show(options: argparse.Namespace) -> int:
    from autoact.cli._catalogue import print_facts

    print_facts(options.name, options.param, options.module)
    return 0


def _report(options: argparse.Namespace) -> int:
    from autoact.report import summarize, write_report

    write_report(options.directory)
    print(summarize(options.directory))
    return 0
