"""The command `autoact predict`: what the model of a table's run says of new rows."""

import argparse
from pathlib import Path

from autoact.cli._parser import print_json
from autoact.errors import ConfigurationError, log


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("directory", metavar="RUN", help="a run directory of `autoact search --data`")
    parser.add_argument("data", metavar="FILE.csv", help="rows with the columns of training, by name")
    parser.add_argument("--out", metavar="FILE", type=Path, help="CSV file to write (default: print it)")
    parser.add_argument(
        "--chosen",
        action="store_true",
        help="by what the search chose, although the run recommends to keep the model as it is",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Predict and print, or write."""
    from autoact.spaces.files import write_text
    from autoact.tabular import load_predictor

    if options.out is not None and options.out.exists():
        raise ConfigurationError(f"--out {options.out} exists; name another file, or remove this one.")
    found = load_predictor(options.directory, chosen=options.chosen).predictions(options.data)
    if options.out is not None:
        write_text(options.out, found.to_csv())
    if options.json:
        print_json(
            {
                "run": options.directory,
                "out": None if options.out is None else str(options.out),
                "target": found.target,
                "rows": len(found.values),
                "notes": found.notes,
                "predictions": found.values.tolist(),
                "classes": found.classes,
                "probabilities": None if found.probabilities is None else found.probabilities.tolist(),
            }
        )
        return 0
    for note in found.notes:
        log.warning("%s", note)
    if options.out is None:
        print(found.to_csv(), end="")
    else:
        print(f"{options.out}: {found.target!r} of {len(found.values):,} rows")
    return 0
