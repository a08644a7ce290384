"""The command `autoact invent`: a model learns a shape, and its formula becomes an activation."""

import argparse
from pathlib import Path

from autoact.cli._parser import print_json
from autoact.errors import ConfigurationError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("source", metavar="RUN|CONFIG", help="a run directory, or a YAML file of a search")
    parser.add_argument("--name", metavar="NAME", required=True, help="name of the activation")
    parser.add_argument("--out", metavar="FILE", type=Path, help="Python file to write (default: NAME.py)")
    parser.add_argument(
        "--member",
        metavar="MEMBER",
        default="cubic_spline_17",
        help="free-form activation: rational, linear_spline, cubic_spline_17_6, ... (default: %(default)s)",
    )
    parser.add_argument("--share", metavar="network|layer", default="network", help="who has one shape")
    parser.add_argument("--layer", metavar="PATH", help="with --share layer: whose shape is named")
    parser.add_argument("--seeds", metavar="N", type=int, default=3, help="trainings (default: 3)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Invent and say what was found."""
    from autoact.cli._request import read_request
    from autoact.invention import invent
    from autoact.spaces import SearchSpace

    if options.seeds < 1:
        raise ConfigurationError(f"--seeds is {options.seeds}; give at least 1.")
    if not Path(options.source).exists():
        raise ConfigurationError(f"There is no run directory or configuration {options.source!r}.")
    is_run = Path(options.source).is_dir()
    request = read_request(
        argparse.Namespace(
            config=None if is_run else options.source,
            resume=options.source if is_run else None,
            **dict.fromkeys(("task", "data", "target", "problem", "out", "seed")),
            accept_changes=False,
        )
    )
    require = SearchSpace.of(request.space).require
    found = invent(
        request.model,
        request.data,
        name=options.name,
        out=options.out,
        monitor=request.settings["monitor"],
        mode=request.settings.get("mode"),
        trainer=request.settings["trainer"],
        member=options.member,
        share=options.share,
        layer=options.layer,
        seeds=range(options.seeds),
        require={
            key: value
            for key in ("smoothness", "bounded", "output")
            if (value := getattr(require, key)) not in (None, False)
        },
    )
    if options.json:
        front = [{"formula": f.source, "error": f.error, "size": f.size} for f in found.formulas.front]
        answer = {"name": found.name, "file": str(found.path), "formula": found.formula.source}
        print_json({**answer, "latex": found.formula.latex, "front": front})
    else:
        print(found.summary())
    return 0
