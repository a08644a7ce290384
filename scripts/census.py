"""Census of models: what autoact makes of models of many packages, and what it leaves unsaid.

    python -m scripts.census [--packages timm monai ...] [--short] [--json FILE] [--out FILE]

Every model is made small, with random weights, and run on a small batch, in evaluation and in training mode.
Packages that are not installed are left out. `--short` measures the modules of this script only.
"""

import dataclasses
import json
import platform
import re
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from autoact import auto_layers, convert, find_layers
from autoact.conversion.probing import Watch
from scripts import terminal
from scripts.census_models import PACKAGES, SHORT, Case

OUT = Path(__file__).parent.parent / "docs" / "benchmarks" / "census.md"
_HEAD = "| package | model | layers | that run | unsaid | left alone | eval | train | refused |"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What became of one model.

    Attributes:
        package: That it comes from.
        model: Its name.
        layers: Made by `convert`.
        running: Of these, those that ran in evaluation or in training mode.
        unsaid: Activations that ran, are no layer, and that `left_alone` does not name; with file and line.
        left_alone: Number of reasons.
        evaluation: Largest difference of the output between original and converted, over the largest output.
        training: The same in training mode, with the same random numbers.
        refused: Why there was no conversion; "" if there was one.
    """

    package: str
    model: str
    layers: int = 0
    running: int = 0
    unsaid: tuple[str, ...] = ()
    left_alone: int = 0
    evaluation: float = 0.0
    training: float = 0.0
    refused: str = ""


def census(cases: Sequence[Case]) -> list[Row]:
    """Return a row for each model.

    Args:
        cases: Models and their inputs.
    """
    return [measure(case) for case in cases]


def measure(case: Case) -> Row:
    """Convert one model and compare it with the original.

    Args:
        case: The model and its input.
    """
    inputs = case.inputs()
    original = _made(case, inputs)
    before = {mode: _run(original, inputs, mode) for mode in (False, True)}
    model = _made(case, inputs)
    row = Row(package=case.package, model=case.name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            plan = find_layers(model, example_input=inputs)
            convert(model, example_input=inputs)
    except Exception as error:  # every refusal is a result here
        return dataclasses.replace(row, refused=f"{type(error).__name__}: {error}")
    layers = auto_layers(model)
    ran = _watched(layers)
    with Watch(model, plan.left_alone, plan.lines) as watch:
        after = {mode: _run(model, inputs, mode) for mode in (False, True)}
    return dataclasses.replace(
        row,
        layers=len(layers),
        running=len(ran),
        unsaid=tuple(
            sorted({f"{each.name} ({each.where[0]}, line {each.where[1]})" for each in watch.found})
        ),
        left_alone=len(plan.left_alone),
        evaluation=_difference(before[False], after[False]),
        training=_difference(before[True], after[True]),
    )


def _made(case: Case, inputs: Any) -> nn.Module:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = case.make()
        _run(model, inputs, False)  # lazy modules get their shapes
    return model


def _watched(layers: Mapping[str, nn.Module]) -> set[str]:
    """Return the paths of layers that run, as they do."""
    ran: set[str] = set()
    for path, layer in layers.items():
        layer.register_forward_hook(lambda *_, path=path: ran.add(path))
    return ran


@torch.no_grad()
def _run(model: nn.Module, inputs: Any, mode: bool) -> list[Tensor]:
    """Return the floating outputs of a model, its batch normalization in evaluation mode."""
    torch.manual_seed(1)
    model.train(mode)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._NormBase):
            module.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if isinstance(inputs, Mapping):
            found = model(**inputs)
        else:
            found = model(*inputs) if isinstance(inputs, tuple) else model(inputs)
    return [each.detach().clone() for each in _tensors(found)]


def _tensors(found: Any) -> Iterator[Tensor]:
    if isinstance(found, Tensor):
        if found.is_floating_point():
            yield found
    elif isinstance(found, Mapping):
        yield from (tensor for value in found.values() for tensor in _tensors(value))
    elif isinstance(found, list | tuple):
        yield from (tensor for value in found for tensor in _tensors(value))
    elif dataclasses.is_dataclass(found):
        yield from (tensor for f in dataclasses.fields(found) for tensor in _tensors(getattr(found, f.name)))


def _difference(one: Sequence[Tensor], other: Sequence[Tensor]) -> float:
    """Return the largest difference over the largest value; infinite where the outputs do not fit."""
    if len(one) != len(other) or any(a.shape != b.shape for a, b in zip(one, other, strict=True)):
        return float("inf")
    scale = max((float(a.abs().max()) for a in one if a.numel()), default=0.0) or 1.0
    largest = (float((a - b).abs().max()) for a, b in zip(one, other, strict=True) if a.numel())
    return max(largest, default=0.0) / scale


def cases_of(packages: Sequence[str]) -> Iterator[Case]:
    """Yield the models of packages; one line on the screen for each that is not installed.

    Args:
        packages: Their names.
    """
    for package in packages:
        try:
            yield from PACKAGES[package]()
        except ImportError as error:
            print(f"{package} is left out: {error}")


def table(rows: Sequence[Row]) -> str:
    """Return the page.

    Args:
        rows: Of the models.
    """
    lines = [
        "# Census of models",
        "",
        _counts(rows),
        "",
        f"Made by `scripts/census.py` with torch {torch.__version__.partition('+')[0]} on "
        f"{platform.machine()}, {time.strftime('%Y-%m-%d')}; small sizes, random weights.",
        "",
        "- *that run*: in evaluation or training mode on the example.",
        "- *unsaid*: lines that compute an activation and are neither a layer nor named by `left_alone`,",
        "  whose reasons are counted in *left alone*. The same watch tells `find_layers`, so that 0 proves",
        "  little by itself.",
        "- *eval*, *train*: largest difference of the converted model's output, over the largest output.",
        "",
        *_summed(rows),
        _HEAD,
        "|" + "---|" * (_HEAD.count("|") - 1),
    ]
    for row in rows:
        numbers = f"{row.layers} | {row.running} | {len(row.unsaid)} | {row.left_alone}"
        differences = f"{row.evaluation:.0e} | {row.training:.0e}"
        refused = _first(row.refused)
        found = " | | | | | " if refused else f"{numbers} | {differences}"
        lines.append(f"| {row.package} | {row.model} | {found} | {refused} |")
    return "\n".join(lines) + "\n"


def _counts(rows: Sequence[Row]) -> str:
    refused = _refused(rows)
    return (
        f"{len(rows)} models of {len({row.package for row in rows})} packages: {len(rows) - refused} are "
        f"converted to {_layers(rows):,} layers, {_dead(rows)} of which never run; {_unsaid(rows)} "
        f"activations run unsaid; outputs differ by at most {_largest(rows):.1g} of the largest one; "
        f"{refused} are refused."
    )


def _dead(rows: Sequence[Row]) -> int:
    return sum(row.layers - row.running for row in rows)


def _unsaid(rows: Sequence[Row]) -> int:
    return sum(len(row.unsaid) for row in rows)


def _largest(rows: Sequence[Row]) -> float:
    return max((max(row.evaluation, row.training) for row in rows), default=0.0)


def _summed(rows: Sequence[Row]) -> Iterator[str]:
    """Yield a table of the packages."""
    yield "| package | models | layers | never run | unsaid | refused | largest difference |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    for package in dict.fromkeys(row.package for row in rows):
        own = [row for row in rows if row.package == package]
        counts = (len(own), _layers(own), _dead(own), _unsaid(own), _refused(own), f"{_largest(own):.0e}")
        yield f"| {package} | {' | '.join(map(str, counts))} |"
    yield ""


def _layers(rows: Sequence[Row]) -> int:
    return sum(row.layers for row in rows)


def _refused(rows: Sequence[Row]) -> int:
    return sum(bool(row.refused) for row in rows)


def _first(refused: str) -> str:
    """Return the beginning of a refusal, without the list of the model's modules."""
    plain = re.sub(r"its modules \(.*?\) include no activation that autoact may replace\. ", "", refused)
    cut = plain.partition("\n")[0].replace("|", "/").removeprefix("ConversionError: ")
    return cut if len(cut) <= 240 else f"{cut[:240]} ..."


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a line per model, and write the page."""
    parser = terminal.parser(__doc__, short="only the modules of this script")
    parser.add_argument("--packages", nargs="+", choices=PACKAGES, default=list(PACKAGES), metavar="NAME")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all rows, reasons in full")
    parser.add_argument("--out", type=Path, metavar="FILE", help=f"write the page (such as {OUT.name})")
    parser.add_argument(
        "--rows", nargs="+", type=Path, metavar="FILE", help="measure nothing; read these rows"
    )
    options = parser.parse_args(arguments)
    rows = _read(options.rows or ())
    if not options.rows:
        for case in SHORT if options.short else cases_of(options.packages):
            rows += _counted(case)
    if options.json:
        options.json.write_text(json.dumps([dataclasses.asdict(row) for row in rows], indent=1) + "\n")
    if options.out:
        options.out.write_text(table(rows))
    return 0


def _read(files: Sequence[Path]) -> list[Row]:
    found = [row for file in files for row in json.loads(file.read_text())]
    return [Row(**{**row, "unsaid": tuple(row["unsaid"])}) for row in found]


def _counted(case: Case) -> list[Row]:
    """Return the row of a model, or none if the package itself cannot make it; print a line."""
    start = time.perf_counter()
    try:
        row = measure(case)
    except Exception as error:  # a model that does not run is none to be counted
        print(f"{case.package} {case.name}: not run: {type(error).__name__}: {str(error)[:200]}", flush=True)
        return []
    print(
        f"{row.package} {row.model}: {row.running} of {row.layers} layers, unsaid {list(row.unsaid)}, "
        f"{row.evaluation:.0e} {row.training:.0e} {row.refused[:300]} ({time.perf_counter() - start:.0f} s)",
        flush=True,
    )
    return [row]


if __name__ == "__main__":
    raise SystemExit(main())
