"""The command `autoact invent`: an activation from a shape that a model learns, or bred from formulas."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoact.cli._parser import print_json
from autoact.errors import ConfigurationError

if TYPE_CHECKING:
    from autoact.invention import Evolved, Invention

_WAYS = {"shape": ("member", "share", "layer", "seeds"), "evolution": ("budget", "seed")}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("source", metavar="RUN|CONFIG", help="a run directory, or a YAML file of a search")
    parser.add_argument("--name", metavar="NAME", required=True, help="name of the activation")
    parser.add_argument("--out", metavar="FILE", type=Path, help="Python file to write (default: NAME.py)")
    parser.add_argument(
        "--by",
        metavar="shape|evolution",
        default="shape",
        help="shape: learn a free shape, find its formula; evolution: breed formulas (default: %(default)s)",
    )
    shape = parser.add_argument_group("by shape")
    shape.add_argument(
        "--member",
        metavar="MEMBER",
        help="free-form activation: rational, linear_spline, ... (default: cubic_spline_17)",
    )
    shape.add_argument("--share", metavar="network|layer", help="who has one shape (default: network)")
    shape.add_argument("--layer", metavar="PATH", help="with --share layer: whose shape is named")
    shape.add_argument("--seeds", metavar="N", type=int, help="trainings (default: 3)")
    evolution = parser.add_argument_group("by evolution")
    evolution.add_argument("--budget", metavar="N", type=int, help="trainings (default: 64)")
    evolution.add_argument("--seed", metavar="N", type=int, help="of what is drawn (default: 0)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Invent and say what was found."""
    from autoact.cli._request import read_request
    from autoact.invention import evolve, invent
    from autoact.spaces import SearchSpace

    given = _settings(options)
    if not Path(options.source).exists():
        raise ConfigurationError(f"There is no run directory or configuration {options.source!r}.")
    is_run = Path(options.source).is_dir()
    request = read_request(
        argparse.Namespace(
            config=None if is_run else options.source,
            resume=options.source if is_run else None,
            **dict.fromkeys(("task", "data", "target", "problem", "out", "seed")),
            accept_changes=False,
        ),
        "give its model and data in a YAML file: autoact invent config.yaml --name NAME",
    )
    require = SearchSpace.of(request.space).require
    found = (evolve if options.by == "evolution" else invent)(
        request.model,
        request.data,
        name=options.name,
        out=options.out,
        monitor=request.settings["monitor"],
        mode=request.settings.get("mode"),
        trainer=request.settings["trainer"],
        require={
            key: value
            for key in ("smoothness", "bounded", "output")
            if (value := getattr(require, key)) not in (None, False)
        },
        **given,
    )
    if options.json:
        print_json(_answer(found))
    else:
        print(found.summary())
    return 0


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of the chosen way; complain about those of the other."""
    if options.by not in _WAYS:
        raise ConfigurationError(f"--by is {options.by!r}; say shape or evolution.")
    given = {key: getattr(options, key) for keys in _WAYS.values() for key in keys}
    given = {key: value for key, value in given.items() if value is not None}
    for key in given:
        if key not in _WAYS[options.by]:
            raise ConfigurationError(f"--{key} says nothing to --by {options.by}. Leave it out.")
    if "seeds" in given:
        if given["seeds"] < 1:
            raise ConfigurationError(f"--seeds is {given['seeds']}; give at least 1.")
        given["seeds"] = range(given["seeds"])
    return given


def _answer(found: Invention | Evolved) -> dict[str, Any]:
    from autoact.invention import Evolved

    answer: dict[str, Any] = {"name": found.name, "file": str(found.path), "formula": found.formula.source}
    answer["latex"] = found.formula.latex
    if isinstance(found, Evolved):
        finite = {text: value if math.isfinite(value) else None for text, value in found.values.items()}
        return {**answer, "values": finite}
    front = [{"formula": f.source, "error": f.error, "size": f.size} for f in found.formulas.front]
    return {**answer, "front": front}
