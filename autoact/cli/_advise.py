"""The command `autoact advise`: which activations suit a problem, and why."""

import argparse
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoact.cli._parser import MODULE, PROBLEM, TARGET, print_json
from autoact.cli._request import check_table

if TYPE_CHECKING:
    from autoact.advice import Advice


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    known = parser.add_argument_group("what is known")
    known.add_argument(
        "--derivatives", metavar="K", type=int, help="derivatives of the network that are used"
    )
    known.add_argument("--output", metavar="nonnegative|bounded|unbounded", help="values of the activations")
    parser._negative_number_matcher = re.compile(r"-[\d.i]")  # or argparse takes -1:1 and -inf:0 for options
    known.add_argument("--range", metavar="LOW:HIGH", help="values stay in it, such as 0:1 or -inf:0")
    known.add_argument("--saturates", metavar="left|right|both", help="sides where the response levels off")
    known.add_argument("--periodic", action="store_true", help="the signal repeats")
    known.add_argument("--depth", metavar="N", type=int, help="layers without normalization between them")
    known.add_argument(
        "--physics", action="store_true", help="the loss differentiates the network, twice at least"
    )
    data = parser.add_argument_group("data")
    data.add_argument("--data", metavar="FILE", help="CSV file with a row per example")
    data.add_argument("--target", **TARGET)
    data.add_argument("--problem", **PROBLEM)
    parser.add_argument("--module", **MODULE)
    parser.add_argument("--out", metavar="SPACE.yaml", type=Path, help="write a search space")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Answer, and write the space."""
    from autoact.advice import Needs, advise, check_free, describe, read_range, write_space
    from autoact.cli.catalogue import load_module

    check_table(options)
    if options.out:
        check_free(options.out)
    if options.module:
        load_module(options.module)
    needs = Needs(
        derivatives=options.derivatives,
        output=options.output,
        range=read_range(options.range) if options.range is not None else None,
        saturates=options.saturates,
        periodic=options.periodic,
        depth=options.depth,
        physics=options.physics,
    )
    advice = advise(needs, options.data, options.target, problem=options.problem)
    if options.out:
        write_space(advice, options.out)
    if options.json:
        print_json(_plain(advice, options.out))
        return 0
    print(describe(advice))
    if options.out:
        print(f"\nSearch space: {options.out}. Search it: {_search(options)}")
    return 0


def _plain(advice: "Advice", out: Path | None) -> dict[str, Any]:
    from autoact.advice import order

    evidence = advice.evidence
    return {
        "order": order(advice),
        "data": None if evidence is None else evidence.notes,
        "output_layer": None if evidence is None else evidence.output_layer,
        "candidates": advice.candidates,
        "ruled_out": advice.ruled_out,
        "left_out": advice.left_out,
        "space": None if out is None else str(out),
    }


def _search(options: argparse.Namespace) -> str:
    what = ["--data", options.data, "--target", options.target] if options.data else ["--config", "FILE"]
    problem = ["--problem", options.problem] if options.problem else []
    return shlex.join(["autoact", "search", *what, *problem, "--space", str(options.out)])
