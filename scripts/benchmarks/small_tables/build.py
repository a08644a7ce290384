"""Search tables of small tasks of many kinds: every assignment of a small network, with four seeds.

    python scripts/benchmarks/small_tables/build.py [--out docs/benchmarks/tables/small] [--only NAMES]
        [--short]

What a task's network and training are like is drawn from the task's name. Tables that exist are left alone.
"""

import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from scripts import terminal
from scripts.benchmarks.networks import Rows
from scripts.benchmarks.small_tables._families import FAMILIES, PROBLEMS
from scripts.benchmarks.small_tables._setting import Setting
from scripts.benchmarks.small_tables._training import train
from scripts.benchmarks.tables import SearchTable

SEEDS = 4
STACKED = 128  # networks trained side by side
BITS = 10  # of every stored number
LARGEST = 5.0  # inputs beyond are cut
REST = 1000  # rows to select and to compare, together
DIVERGED = 1e4
OUT = terminal.TABLES / "small"


def loaded(name: str, setting: Setting) -> Rows:
    """Return the rows of a problem, in three parts; numbers to be told have mean 0 and s.d. 1."""
    inputs, target = PROBLEMS[name]()
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(0))
    training = min(setting.rows, len(inputs) // 2)
    rest = min(len(inputs) - training, REST)
    parts = order[: training + rest].split([training, rest // 2, rest - rest // 2])
    x, y = scaled(torch.tensor(inputs).float(), parts[0], setting.raw), torch.tensor(target)
    y = standardized(y.float().reshape(len(y), -1), parts[0]) if y.is_floating_point() else y.long()
    first, second, third = ((x[rows], y[rows]) for rows in parts)
    return Rows(training=first, selection=second, comparison=third)


def scaled(x: Tensor, training: Tensor, raw: bool) -> Tensor:
    """Return inputs: raw ones divided by their common size, others each of mean 0 and s.d. 1."""
    if raw:
        return (x / x[training].square().mean(0).sqrt().clamp_min(1e-9)).clamp(-LARGEST, LARGEST)
    spread = x[training].std(0)
    return ((x - x[training].mean(0)) / torch.where(spread > 0, spread, 1.0)).clamp(-LARGEST, LARGEST)


def standardized(y: Tensor, training: Tensor) -> Tensor:
    """Return numbers of mean 0 and s.d. 1."""
    return (y - y[training].mean(0)) / y[training].std(0).clamp_min(1e-9)


def table(name: str, seeds: int = SEEDS, candidates: int | None = None) -> SearchTable:
    """Train every assignment of a task's network.

    Args:
        name: Of the problem.
        seeds: How many.
        candidates: How many of those drawn are taken, the first ones; None: all.
    """
    setting = Setting.of(name)
    rows, names, depth = loaded(name, setting), setting.candidates[:candidates], len(setting.widths)
    sizes = (rows.training[0].shape[1], *setting.widths, outputs_of(rows))
    every = list(itertools.product(names, repeat=depth))
    stacks = [every[start : start + STACKED] for start in range(0, len(every), STACKED)]
    found = [
        torch.cat([train(sizes, stack, seed, rows, setting) for stack in stacks], 1) for seed in range(seeds)
    ]
    losses = rounded(torch.stack(found).double().numpy()).reshape(seeds, 2, *(len(names),) * depth)
    return SearchTable(
        name=name,
        layers=tuple(f"layer{number}" for number in range(depth)),
        candidates=(names,) * depth,
        fractions=(1.0,),
        selection=losses[:, 0, ..., None],
        comparison=losses[:, 1],
        mode="min",
        priors={},
        about={"family": family_of(name), "setting": repr(setting), **terminal.machine()},
    )


def outputs_of(rows: Rows) -> int:
    """Return how many outputs a network has."""
    targets = [y for _, y in (rows.training, rows.selection, rows.comparison)]
    if targets[0].is_floating_point():
        return targets[0].shape[1]
    return int(torch.cat(targets).max()) + 1


def family_of(name: str) -> str:
    """Return the family of a problem."""
    return next(family for family, own in FAMILIES.items() if PROBLEMS[name] in own)


def rounded(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return losses rounded to BITS, NaN where a training diverged."""
    mantissa, exponent = np.frexp(np.where(losses < DIVERGED, losses, np.nan))
    return np.ldexp(np.round(mantissa * 2**BITS) / 2**BITS, exponent)


def in_turn() -> list[str]:
    """Return all problems, the first of each family before any second."""
    turns = itertools.zip_longest(*FAMILIES.values())
    return [problem.__name__ for turn in turns for problem in turn if problem]


def main(arguments: Sequence[str] | None = None) -> None:
    """Build what is missing."""
    parser = terminal.parser(__doc__, short="two candidates and seeds, to try the script", out=OUT)
    parser.add_argument("--only", help="names of problems, separated by commas")
    options = parser.parse_args(arguments)
    options.out = terminal.kept_in(options)
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.only.split(",") if options.only else in_turn():
        target = options.out / f"{name}.npz"
        if not target.exists():
            (table(name, 2, 2) if options.short else table(name)).save(target)
            print(f"{target}: {target.stat().st_size / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    torch.set_flush_denormal(True)  # of this process, for ever
    main()
