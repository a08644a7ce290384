"""The command `autoact`: searches, their answers, inventions, and what is known of activations.

Exit status 0: done. 1: the search failed. 2: bad input, told in one line on stderr. 128 and the number of a
signal: interrupted.
"""

import argparse
import io
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import autoact
from autoact._names import imported
from autoact.cli._advise import add_arguments as add_advise_arguments
from autoact.cli._cost import add_arguments as add_cost_arguments
from autoact.cli._export_command import add_arguments as add_export_arguments
from autoact.cli._invent_command import add_arguments as add_invent_arguments
from autoact.cli._parser import MODULE, Parser, add_answer_options, print_json
from autoact.cli._play_command import add_arguments as add_play_arguments
from autoact.cli._predict import add_arguments as add_predict_arguments
from autoact.cli.catalogue import kept
from autoact.cli.comparing import add_arguments as add_compare_arguments
from autoact.errors import AutoActError, SearchFailedError

_SPINS = "1000"  # of a thread that waits; libgomp's 300,000 keep a busy core from the thread it waits for


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    Args:
        arguments: What follows `autoact` on the command line; default: that of this process.

    Example:
        >>> main(["show", "rleu"])
        2
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal without some letter is shown its number
            stream.reconfigure(errors="backslashreplace")
    _wait_briefly()
    try:
        given = list(sys.argv[1:] if arguments is None else arguments)
        if given[:1] == ["search"]:  # argparse would take what follows for its own
            options = argparse.Namespace(run=_search, arguments=given[1:])
        else:
            options = _parser().parse_args(given)
        with _plain_warnings():
            status = int(options.run(options))
        sys.stdout.flush()
        return status
    except KeyboardInterrupt as interrupt:
        print(" ".join(["autoact: interrupted.", *getattr(interrupt, "__notes__", ())]), file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except AutoActError as error:
        print(f"autoact: {' '.join(str(error).split())}", file=sys.stderr)
        return 1 if isinstance(error, SearchFailedError) else 2
    except OSError as error:  # a name that is too long, a folder that nobody may read
        if error.filename is None:
            raise
        print(f"autoact: {error.strerror or error}: {error.filename}", file=sys.stderr)
        return 2


def _wait_briefly() -> None:
    """Let threads of torch give their core away while they wait, unless the user has said how they wait.

    A spinning thread may hold up the one it waits for; libgomp reads this once, when torch is imported.
    """
    if "torch" not in sys.modules and "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Print warnings that point into this package as lines: its source tells nobody anything."""
    before, package = warnings.formatwarning, Path(autoact.__file__).parent

    def formatted(message: Any, category: Any, filename: str, *more: Any, **named: Any) -> str:
        if package in Path(filename).parents:
            return f"autoact: {' '.join(str(message).split())}\n"
        return before(message, category, filename, *more, **named)

    warnings.formatwarning = formatted
    try:
        yield
    finally:
        warnings.formatwarning = before


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="autoact",
        description="Let a model select its own activation functions.",
        epilog="`autoact COMMAND --help` explains one. To begin: autoact search --task digits --dry-run",
    )
    parser.add_argument("--version", action="version", version=f"autoact {autoact.__version__}")
    commands = parser.add_subparsers(required=True, metavar="command", title="commands")
    commands.add_parser("search", help="choose an activation for every layer of a model")
    listing = commands.add_parser("list", help="list the activations")
    listing.add_argument("--module", **MODULE)
    listing.set_defaults(run=_list)
    show = commands.add_parser("show", help="show formula, parameters and facts of an activation")
    show.add_argument("name", help="name of the activation, such as elu")
    show.add_argument(
        "--param", metavar="NAME=VALUE", action="append", default=[], help="set a parameter; may be repeated"
    )
    show.add_argument("--module", **MODULE)
    show.set_defaults(run=_show)
    add_advise_arguments(commands.add_parser("advise", help="which activations suit a problem, and why"))
    add_play_arguments(commands.add_parser("play", help="try the theory by hand, on a page in your browser"))
    add_cost_arguments(
        commands.add_parser("cost", help="measure what activations, or an assignment, cost on this device")
    )
    add_export_arguments(commands.add_parser("export", help="write a model in a form that needs no autoact"))
    add_invent_arguments(commands.add_parser("invent", help="find a formula of a shape that a model learns"))
    report = commands.add_parser("report", help="write a run's report.html again and print its summary")
    report.add_argument("directory", metavar="RUN", help="a run directory")
    report.set_defaults(run=_report)
    status = commands.add_parser("status", help="how far a run is, also while it runs")
    status.add_argument("directory", metavar="RUN", help="a run directory, or a copy of one")
    status.set_defaults(run=_status)
    add_compare_arguments(
        commands.add_parser("compare", help="compare runs, or activations of a file with all others")
    )
    add_predict_arguments(commands.add_parser("predict", help="what a run on a CSV file says of new rows"))
    about = {action.dest: str(action.help) for action in commands._get_subactions()}
    for name, command in commands.choices.items():
        command.description = f"{about[name][0].upper()}{about[name][1:]}."
        add_answer_options(command)
    return parser


def _search(options: argparse.Namespace) -> int:
    status: int = imported("autoact.cli._search").search(options.arguments)
    return status


def _list(options: argparse.Namespace) -> int:
    def make() -> str:
        from autoact.cli.catalogue import listing, listing_json

        return listing_json(options.module) if options.json else listing(options.module)

    print(_once(make, "list-json" if options.json else "list", options.module))
    return 0


def _show(options: argparse.Namespace) -> int:
    def make() -> str:
        from autoact.cli.catalogue import facts_text

        return facts_text(options.name, options.param, options.module, as_json=options.json)

    text = make() if options.param else _once(make, f"{options.name} json={options.json}", options.module)
    print(text)
    return 0


def _once(make: Callable[[], str], what: str, module: str | None) -> str:
    """Return a text, from the cache unless activations of a user's are in it."""
    loaded = sys.modules.get("autoact.activations")
    of_users = module or (loaded is not None and loaded.additions())
    return make() if of_users else kept(make, what)


def _report(options: argparse.Namespace) -> int:
    from autoact.report import answer, summarize, write_report

    if options.json:  # the answer first: whoever may not write there may read
        print_json(answer(options.directory))
    else:
        print(summarize(options.directory))
    write_report(options.directory)
    return 0


def _status(options: argparse.Namespace) -> int:
    from autoact.report import status

    found = status(options.directory)
    if options.json:
        print_json(asdict(found))
    else:
        print(found)
    return 0
