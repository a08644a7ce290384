"""Search command: its options are the fields of `Settings`, and what to search."""

import argparse
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from docstring_parser import parse

from autoact.cli._parser import PROBLEM, TARGET, Parser, add_answer_options, kept_for_json, print_json
from autoact.cli._request import Request, read_request
from autoact.report import answer
from autoact.search import SearchResult, Settings, run_search
from autoact.search.setup import ExecutorSetting, Like, StackSize
from autoact.spaces import shipped_spaces
from autoact.tabular import column_rows, describe_columns, save_columns

_PARTS = ("search", "tuning", "baselines", "confirmation")
_METAVARS: dict[Any, str] = {
    int: "N",
    float: "X",
    str: "NAME",
    Sequence[int]: "N,N,...",
    StackSize: "auto|off|N",
    Like: "RUN",
    ExecutorSetting: "local|ray|ray://HOST:PORT|dask://HOST:PORT|MODULE:FUNCTION",
}


def _whole_numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of whole numbers such as 5,10,20") from None


def _size(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


_READERS: dict[Any, Any] = {Sequence[int]: _whole_numbers, StackSize: _size, ExecutorSetting: str, Like: str}


def search(arguments: Sequence[str]) -> int:
    """Run `autoact search` and return its exit status.

    Args:
        arguments: What follows `autoact search`.
    """
    options = search_parser().parse_args(list(arguments))
    request = read_request(options)
    with kept_for_json(options.json):
        result = _found(options, request)
    if options.json:
        print_json(_plan(request, result) if result.run_dir is None else answer(result.run_dir))
    elif result.run_dir is not None:
        print(result.summary() if options.quiet else f"\n{result.summary()}")
    elif options.quiet:
        print(result.summary())
    return 0


def _found(options: argparse.Namespace, request: Request) -> SearchResult:
    given = {name: getattr(options, name) for name in typed_settings() if getattr(options, name) is not None}
    if request.notes and not options.quiet:
        print("\n".join(request.notes), end="\n\n")
    if request.table is not None and options.dry_run and not options.quiet:
        print(describe_columns(request.table), end="\n\n")
    result = run_search(
        request.model,
        request.data,
        space=request.space if options.space is None else options.space,
        task=request.name,
        source=request.source,
        out=request.out,
        resume=request.resume,
        accept_changes=options.accept_changes,
        dry_run=options.dry_run,
        quiet=options.quiet,
        **{**request.settings, **given},
    )
    if request.table is not None and result.run_dir is not None:
        save_columns(request.table, result.run_dir)
    return result


def _plan(request: Request, result: SearchResult) -> dict[str, Any]:
    """Return what a dry run has found, for JSON."""
    plan = result.plan
    assert plan is not None, "a dry run has one"
    return {
        "task": plan.task,
        "layers": [
            {"path": path, "present": None if now is None else str(now), "candidates": v.candidates}
            for v in plan.variables
            for path, now in v.layers.items()
        ],
        "left_alone": plan.left_alone,
        "trainings": {**{name: getattr(plan.counts, name) for name in _PARTS}, "total": plan.counts.total},
        "steps_each": plan.planned_steps,
        "seconds_each": plan.seconds,
        "seconds": plan.whole,
        "compared_on": plan.comparison,
        "notes": (*request.notes, *plan.notes, *plan.doubts),
        "columns": None if request.table is None else column_rows(request.table),
    }


def search_parser() -> Parser:
    """Return the parser of `autoact search`."""
    parser = Parser(prog="autoact search", description="Choose an activation for every layer of a model.")
    group = parser.add_argument_group("what to search")
    what = group.add_mutually_exclusive_group()
    what.add_argument("--config", metavar="FILE", help="YAML with model, data, trainer, space and search")
    what.add_argument(
        "--task",
        metavar="NAME",
        help="a task that comes with autoact: digits, cancer, clusters, diabetes, friedman or spirals",
    )
    what.add_argument("--data", metavar="FILE", help="CSV file with a row per example; needs --target")
    what.add_argument(
        "--resume",
        metavar="DIR",
        help="go on with the run in this directory; --seeds and --budget may grow, --hours are added",
    )
    group.add_argument(
        "--accept-changes",
        action="store_true",
        help="with --resume: where model or data have changed, set aside what was trained and train anew",
    )
    table = parser.add_argument_group("with --data")
    table.add_argument("--target", **TARGET)
    table.add_argument("--problem", **PROBLEM)
    table.add_argument(
        "--groups",
        metavar="COLUMN",
        help="column that names groups of rows (patients, sessions), which stay together; no input",
    )
    table.add_argument(
        "--time",
        metavar="COLUMN",
        help="column of dates or numbers: the latest rows compare, the earliest train; no input",
    )
    run = parser.add_argument_group("the run")
    run.add_argument(
        "--space",
        metavar="NAME|FILE",
        help=f"search space: a YAML file, or one of {', '.join(sorted(shipped_spaces()))} "
        "(default: default; with --data: tabular)",
    )
    run.add_argument("--out", metavar="DIR", help="run directory to make (default: first free runs/NAME-N)")
    run.add_argument("--dry-run", action="store_true", help="tell layers, candidates and cost, and stop")
    add_answer_options(parser)
    settings = parser.add_argument_group("settings of the search")
    for name, (kind, text) in typed_settings().items():
        options = (
            {"choices": get_args(kind)} if get_origin(kind) is Literal else {"type": _READERS.get(kind, kind)}
        )
        options |= {"nargs": "+"} if kind == Like else {}
        metavar = "|".join(options.get("choices", ())) or ("URL" if name == "storage" else _METAVARS[kind])
        settings.add_argument(f"--{name.replace('_', '-')}", metavar=metavar, help=text, **options)
    return parser


def typed_settings() -> dict[str, tuple[Any, str]]:
    """Return type and description of every setting that a command line can hold, by name."""
    types = {name: _without_none(kind) for name, kind in get_type_hints(Settings).items()}
    texts = {p.arg_name: p.description or "" for p in parse(Settings.__doc__ or "").params}
    return {
        item.name: (types[item.name], _described(texts[item.name], item.default))
        for item in fields(Settings)
        if types[item.name] in _METAVARS or get_origin(types[item.name]) is Literal
    }


def _described(text: str, default: object) -> str:
    line = " ".join(text.split()).replace("%", "%%").rstrip(".")
    line = line if line[:2].isupper() else line[:1].lower() + line[1:]
    line = line.replace("; None: ", "; by default ").replace("None: ", "By default ")
    return f"{line} (default: {default})" if default is not None else line


def _without_none(kind: Any) -> Any:
    options = [option for option in get_args(kind) if option is not type(None)]
    return options[0] if type(None) in get_args(kind) else kind
