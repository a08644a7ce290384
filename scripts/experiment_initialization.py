"""Fifty layers of 2,048 units without normalization: what geometry.initialize keeps, for every activation.

    python scripts/experiment_initialization.py [--out FILE] [--short] [--activations relu,silu]

Second moment and batch variance of the last pre-activations on a batch that the initialization has not seen,
mean over draws; beside them the second moment with the analytic gain alone, first draw. Every activation
gets the same seeds. --short: 3 activations, 2 draws, 12 layers of 512.
"""

import argparse
import csv
import math
from pathlib import Path
from statistics import fmean

import torch
from torch import nn

import autoact
from autoact import analysis, geometry

FIELDS = ("activation", "slope", "moment", "lowest", "highest", "variance", "analytic", "draws")
ROWS = 32


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
    for index, layer in enumerate(model[:-1]):
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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("docs/theory/initialization.csv"))
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--activations", help="names with commas between; default: all")
    options = parser.parse_args()
    depth, width, draws = (12, 512, 2) if options.short else (50, 2048, 8)
    names = ("relu", "silu", "sigmoid") if options.short else autoact.list_activations()
    names = tuple(options.activations.split(",")) if options.activations else names
    options.out.parent.mkdir(parents=True, exist_ok=True)
    model, found = chain(depth, width), {name: list[tuple[float, float, float]]() for name in names}
    for seed in range(draws):
        batch, fresh = torch.randn(2, ROWS, width, generator=torch.Generator().manual_seed(100 + seed))
        for name in names:
            found[name].append(measure(model, name, batch, fresh, seed))
        write(options.out, found)
        print(f"draw {seed + 1} of {draws}", flush=True)


if __name__ == "__main__":
    main()
