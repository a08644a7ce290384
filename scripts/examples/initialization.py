"""Fifty layers of 2,048 units without normalization: what geometry.initialize keeps, for every activation.

    python scripts/examples/initialization.py [--out FILE] [--short] [--activations relu,silu] [--first 2]
    python scripts/examples/initialization.py --table FILE [FILE ...]

Second moment and batch variance of the last pre-activations on a batch that the initialization has not seen,
mean over draws; beside them the second moment with the analytic gain alone, first draw. Every activation
gets the same seeds. --first continues after the draws in another file, --table merges files.
--short: 3 activations, 2 draws, 12 layers of 512.
"""

import csv
import math
import sys
from pathlib import Path
from statistics import fmean

import torch
from torch import nn

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import autoact
from autoact import analysis, geometry
from scripts import terminal

FIELDS = ("activation", "slope", "moment", "lowest", "highest", "variance", "analytic", "draws")
ROWS = 32
LOST = 1e-6  # of a second moment of 1
PAGE = """# Fifty layers

Second moment of the last pre-activations after `geometry.initialize`, on inputs that it has not seen: 50
linear layers of 2,048 units with one activation between, no normalization. Mean, lowest and highest over the
draws, the variance over a batch of 32, and the second moment with the constant gain alone in the first draw.
Written by `python scripts/examples/initialization.py` and its `--table` (2-core x86-64 virtual machine,
2026-11-23).

"""


def chain(depth: int, width: int) -> nn.Sequential:
    """Return linear layers with places for activations between; weights are not drawn yet."""
    parts = [(nn.utils.skip_init(nn.Linear, width, width), nn.Identity()) for _ in range(depth)]
    return nn.Sequential(*(layer for pair in parts for layer in pair))


@torch.no_grad()
def measure(
    model: nn.Sequential, name: str, batch: torch.Tensor, fresh: torch.Tensor, seed: int
) -> tuple[float, float, float]:
    """Return E[z²] and the batch variance of the last layer, and E[z²] under constant gains, first draw."""
    for index in range(1, len(model), 2):
        model[index] = autoact.FixedActivation(name)
    try:
        done = geometry.initialize(model, batch, generator=torch.Generator().manual_seed(seed))
    except autoact.errors.ConfigurationError:
        return math.nan, math.nan, math.nan
    z = model[:-1](fresh).double()
    analytic = under_constant_gains(model, done, fresh) if seed == 0 else math.nan
    return float(z.square().mean()), float(z.var(0, correction=0).mean()), analytic


def under_constant_gains(
    model: nn.Sequential, done: dict[str, geometry.InitializedLayer], x: torch.Tensor
) -> float:
    """Return E[z²] of the last layer if every layer had the deviation gain / sqrt(width), not what it has."""
    for index, layer in enumerate(list(model)[:-1]):
        if not isinstance(layer, nn.Linear):
            x = layer(x)
        else:
            x = x @ layer.weight.T
            x *= done[str(index)].gain / math.sqrt(layer.weight.square().sum() / len(layer.weight))
    return float(x.double().square().mean())


def write(path: Path, found: dict[str, list[tuple[float, float, float]]]) -> None:
    """Write means over the draws so far; the constant gains are measured in the first."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(FIELDS)
        for name, rows in found.items():
            moment, variance, analytic = zip(*rows, strict=True)
            slope = analysis.variance_map_slope(name)
            values = (slope, fmean(moment), min(moment), max(moment), fmean(variance), analytic[0])
            table.writerow((name, *(f"{value:.4g}" for value in values), len(rows)))


def merged(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return one row per activation, over the draws of all files; constant gains are in the first."""
    kept: dict[str, dict[str, str]] = {}
    for row in rows:
        old = kept.setdefault(row["activation"], row)
        if old is not row:
            counts = int(old["draws"]), int(row["draws"])
            for key in ("moment", "variance"):
                total = sum(n * float(each[key]) for n, each in zip(counts, (old, row), strict=True))
                old[key] = f"{total / sum(counts):.4g}"
            old["lowest"] = min(old["lowest"], row["lowest"], key=float)
            old["highest"] = max(old["highest"], row["highest"], key=float)
            old["draws"] = str(sum(counts))
    return list(kept.values())


def verdict(row: dict[str, str]) -> str:
    """Say whether an activation holds its second moment and tells inputs apart, and if not, why."""
    name, moment, variance = row["activation"], float(row["moment"]), float(row["variance"])
    chi, growth = analysis.chi(name), analysis.growth(name)
    if not 0.5 <= moment <= 2:
        cause = f"{growth} growth" if growth == "superlinear" else "a variance map that one scale cannot hold"
        return f"does not hold: {cause}" + (", and tails that one batch does not show" if moment > 2 else "")
    if float(row["lowest"]) < 0.5:
        return f"holds on average only: one draw ends at {float(row['lowest']):.1g}"
    if variance < LOST:
        steep = float(row["slope"]) > 1
        return f"holds, inputs lost: χ {chi:.2f} at its gain" + (
            ", and biases hold the variance" if steep else ""
        )
    return "holds"


def table(rows: list[dict[str, str]]) -> str:
    """Return the page, sorted by verdict."""
    head = (
        "activation",
        "E[z²]",
        "lowest",
        "highest",
        "batch variance",
        "E[z²], constant gain",
        "draws",
        "verdict",
    )
    keys = ("activation", "moment", "lowest", "highest", "variance", "analytic", "draws")
    cells = [[row[key] for key in keys] + [verdict(row)] for row in rows]
    cells.sort(key=lambda each: (each[-1].split(":")[0], each[0]))
    lines = ["| " + " | ".join(each) + " |" for each in (head, ("---",) * len(head), *cells)]
    return PAGE + "\n".join(lines) + "\n"


def main() -> None:
    """Measure and write the numbers, or write the page from them."""
    parser = terminal.parser(
        __doc__,
        short="3 activations, 2 draws, 12 layers of 512",
        out=terminal.PICTURES.parent / "fifty-layers.csv",
    )
    parser.add_argument("--first", type=int, default=0, help="seed of the first draw")
    parser.add_argument("--activations", help="names with commas between; default: all")
    parser.add_argument("--table", type=Path, nargs="+", help="write the page from these files and stop")
    options = parser.parse_args()
    if options.table:
        rows = merged([row for file in options.table for row in csv.DictReader(file.open(encoding="utf-8"))])
        with options.out.open("w", newline="", encoding="utf-8") as file:
            out = csv.DictWriter(file, FIELDS)
            out.writeheader()
            out.writerows(rows)
        options.out.with_suffix(".md").write_text(table(rows), encoding="utf-8")
        return
    depth, width, draws = (12, 512, 2) if options.short else (50, 2048, 8)
    names = ("relu", "silu", "sigmoid") if options.short else autoact.list_activations()
    names = tuple(options.activations.split(",")) if options.activations else names
    options.out.parent.mkdir(parents=True, exist_ok=True)
    model, found = chain(depth, width), {name: list[tuple[float, float, float]]() for name in names}
    for seed in range(options.first, draws):
        batch, fresh = torch.randn(2, ROWS, width, generator=torch.Generator().manual_seed(100 + seed))
        for name in names:
            found[name].append(measure(model, name, batch, fresh, seed))
        write(options.out, found)
        print(f"draw {seed + 1} of {draws}", flush=True)


if __name__ == "__main__":
    main()
