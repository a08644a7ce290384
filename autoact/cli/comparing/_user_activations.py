"""Activations of Python files, ranked against all others."""

import argparse
from pathlib import Path
from typing import Any

from autoact.cli._parser import PROBLEM, TARGET, kept_for_json, print_json
from autoact.errors import ConfigurationError

_OPTIONS: dict[str, dict[str, Any]] = {
    "--tasks": {
        "metavar": "TASK",
        "nargs": "+",
        "help": "tasks that come with autoact, config.yaml files, module:NAME of an "
        "autoact.training.tasks.Task (default: all that come with autoact)",
    },
    "--data": {"metavar": "FILE", "help": "a CSV file as one more task; needs --target"},
    "--target": TARGET,
    "--problem": PROBLEM,
    "--groups": {
        "metavar": "COLUMN",
        "help": "column of --data that names groups of rows; they stay together",
    },
    "--time": {"metavar": "COLUMN", "help": "column of --data by which later rows judge earlier ones"},
    "--model": {
        "metavar": "MODULE:NET",
        "help": "network Net(inputs, outputs) to train on the tables instead of a perceptron",
    },
    "--against": {"metavar": "NAME", "nargs": "+", "help": "other activations (default: all); always relu"},
    "--seeds": {"metavar": "N", "type": int, "help": "paired seeds (default: 10)"},
    "--seed": {"metavar": "N", "type": int, "help": "what these follow from (default: 0)"},
    "--workers": {"metavar": "N", "type": int, "help": "processes that train (default: 1)"},
    "--out": {"metavar": "DIR", "help": "folder of the records (default: runs/compare-FILE)"},
    "--latex": {"metavar": "FILE", "help": "write the tables for a paper there"},
}


def add_ranking_arguments(parser: argparse._ArgumentGroup) -> None:
    """Declare what a comparison of activations takes."""
    for name, how in _OPTIONS.items():
        parser.add_argument(name, **how)


def given(options: argparse.Namespace) -> list[str]:
    """Return those of these options that are given."""
    return [name for name in _OPTIONS if getattr(options, name[2:]) is not None]


def _registered(file: str) -> tuple[str, ...]:
    from autoact.activations import register_file

    if not (found := register_file(file)):
        raise ConfigurationError(
            f"{file} registers no activation: decorate a function with @autoact.activation(family=...)."
        )
    return found


def compare_activations(options: argparse.Namespace) -> int:
    """Rank and print; return the exit status."""
    from autoact.cli.comparing._asked_tasks import asked_tasks
    from autoact.ranking import rank_activations

    if options.latex is not None and not Path(options.latex).absolute().parent.is_dir():
        raise ConfigurationError(f"There is no folder for --latex {options.latex}.")
    own = [name for file in options.subjects for name in _registered(file)]
    out = Path(options.out or Path("runs") / f"compare-{Path(options.subjects[0]).stem}")
    settings = {name: getattr(options, name) for name in ("seeds", "seed", "workers", "against")}
    with kept_for_json(options.json):
        ranking = rank_activations(
            own,
            out=out,
            tasks=asked_tasks(options),
            quiet=options.quiet,
            **{name: value for name, value in settings.items() if value is not None},
        )
    if options.latex is not None:
        Path(options.latex).write_text(ranking.latex(), encoding="utf-8")
    if options.json:
        print_json(ranking.to_dict())
    else:
        print(ranking.text())
    return 0
