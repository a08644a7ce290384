"""The command `autoact export`: a model in a form that needs no autoact."""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from shlex import quote
from typing import Any

from autoact.cli._named_model import FORMS, SHAPE, Subject, subject_of
from autoact.cli._parser import print_json
from autoact.errors import ConfigurationError, log


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("model", metavar="MODEL", help=FORMS)
    parser.add_argument(
        "--format",
        metavar="module|torch-export|onnx",
        default="module",
        help="module (default): torch code with weights; torch-export: a .pt2 file; onnx: opset 18",
    )
    parser.add_argument("--out", metavar="PATH", help="what to write (default: exported, .pt2 or .onnx)")
    parser.add_argument("--weights", metavar="FILE", help="checkpoint or state_dict (default: the run's own)")
    parser.add_argument(
        "--assignment",
        metavar="FILE",
        action="append",
        default=[],
        help="put these activations in first; the run has weights of its choice, the original and RUN/front",
    )
    parser.add_argument(
        "--chosen",
        action="store_true",
        help="of a run, what it chose, although it recommends to keep the model as it is",
    )
    parser.add_argument("--input", metavar="SHAPE", action="append", help=f"one per argument: {SHAPE}")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Export and say what was written."""
    from autoact.exporting import SUFFIXES, export

    if len(options.assignment) > 1:
        raise ConfigurationError(f"--assignment is given {len(options.assignment)} times; a model has one.")
    weights = options.weights or _of_own(Path(options.model), options)
    again = partial(_by_name, assignments=options.assignment, weights=weights or "")
    subject = subject_of(options, again)
    if "forward" in vars(subject.model):
        raise ConfigurationError(f"MODEL {subject.name} has no forward, so nothing of it can be exported.")
    _fill(subject, options.assignment, weights)
    out = options.out or f"exported{SUFFIXES.get(options.format, '')}"
    found = export(subject.model, out, subject.batch, format=options.format)
    if options.json:
        print_json({"path": str(found.path), "difference": found.difference, "any_batch": found.any_batch})
        return 0
    batch = {True: ", for any batch size", False: ", for this batch size alone", None: ""}[found.any_batch]
    print(f"{found.path}: read back, it differs by {found.difference:.1g} of the largest result{batch}.")
    return 0


def _by_name(run: Path, assignments: Sequence[str], weights: str | Path) -> str:
    """Return the command that exports the same of a run by the name of its model."""
    from autoact.records import RunDirectory

    directory = RunDirectory(run)
    own = [] if weights == directory.original_checkpoint_file else [str(directory.assignment_file)]
    given = [("--assignment", file) for file in assignments or own]
    words = [f"{name} {quote(str(file))}" for name, file in (*given, ("--weights", weights))]
    return f"autoact export my_model:NET --input SHAPE {' '.join(words)}"


def _of_own(path: Path, options: argparse.Namespace) -> Path | None:
    """Return the checkpoint of what is exported, None where MODEL is no run."""
    if options.assignment:
        return _of_assignment(path, Path(options.assignment[0]))
    return _of_run(path, options.chosen)


def _of_assignment(path: Path, file: Path) -> Path | None:
    """Return the checkpoint of a run's model with the activations of a file, None where MODEL is no run."""
    if not path.is_dir():
        return None
    from autoact.records import RunDirectory, front_checkpoint
    from autoact.search import load_run
    from autoact.spaces import Assignment

    member = front_checkpoint(path, file.stem)
    if file.parent.resolve() == (path / "front").resolve() and member.is_file():
        return member
    result, directory, asked = load_run(path), RunDirectory(path), Assignment.load(file)
    kept = {
        directory.checkpoint_file: result.assignment,
        directory.original_checkpoint_file: result.original,
    }
    for checkpoint, assignment in kept.items():
        if checkpoint.is_file() and {**result.original, **assignment} == {**result.original, **asked}:
            return checkpoint
    raise ConfigurationError(
        f"{path} keeps no weights that were trained with the activations of {file}; give --weights."
    )


def _of_run(path: Path, chosen: bool) -> Path | None:
    """Return the checkpoint of a run, None where MODEL is no run."""
    if not path.is_dir():
        return None
    from autoact.records import RunDirectory
    from autoact.search import load_run

    result, choice = load_run(path), RunDirectory(path).checkpoint_file
    if not chosen and result.checkpoint is None and result.verdict != "improved":
        remedy = (
            "Export its choice with --chosen, or give --weights" if choice.is_file() else "Give --weights"
        )
        raise ConfigurationError(
            f"The verdict of {path} is {result.verdict or 'none'!r}: it recommends the original activations, "
            f"of which it keeps no trained model. {remedy}."
        )
    file = choice if chosen else result.checkpoint
    if file is None or not file.is_file():
        raise ConfigurationError(f"{choice} is missing; give --weights.")
    if file != choice:
        log.warning(
            "The verdict of %s is %r, so the original model is exported; --chosen exports its choice.",
            path,
            result.verdict,
        )
    return file


def _fill(subject: Subject, assignments: list[str], weights: Any) -> None:
    from autoact.conversion import apply
    from autoact.training import load_weights

    if assignments:
        apply(subject.model, subject.assignments[assignments[0]])
    if weights is None:
        log.warning("No weights are given: those that %s makes are exported.", subject.name)
    else:
        load_weights(subject.model, weights)
