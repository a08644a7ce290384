"""Search tables of small tasks of many kinds: every assignment of a small network, with four seeds.

    python scripts/benchmarks/experience/build.py [--out docs/benchmarks/tables/experience] [--only NAMES] [--short]

What a task's network and training are like is drawn from the task's name. Tables that exist are left alone.
"""

import itertools
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from scripts import terminal
from scripts.benchmarks.experience.problems import FAMILIES, PROBLEMS
from scripts.benchmarks.networks import PerceptronStack, Rows
from scripts.benchmarks.tables import SearchTable
from scripts.benchmarks.tables.tasks import EIGHT

POOL = (
    *EIGHT,
    "prelu",
    "selu",
    "mish",
    "softsign",
    "hardswish",
    "snake",
    "gaussian",
    "sigmoid",
    "smelu",
    "lisht",
)
SEEDS = 4
STACKED = 128
BITS = 10
OUT = terminal.TABLES / "experience"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Network and training of a task."""

    candidates: tuple[str, ...]
    widths: tuple[int, ...]
    raw: bool
    normalized: bool
    optimizer: str
    lr: float
    decays: bool
    batch: int
    steps: int
    rows: int

    @classmethod
    def of(cls, name: str) -> "Setting":
        """Draw the setting of a task from its name."""
        draw = np.random.default_rng(zlib.crc32(name.encode()))
        depth = int(draw.choice([2, 3, 3, 3, 3, 4]))
        count = {2: 12, 3: 6, 4: 4}[depth]
        usual = draw.random() < 0.5
        drawn = ["relu", *draw.permutation(POOL[1:])[: count - 1].tolist()]
        candidates = (EIGHT + tuple(n for n in drawn if n not in EIGHT))[:count] if usual else tuple(drawn)
        normalized = bool(draw.random() < 0.2)
        optimizer = str(draw.choice(["adam", "adam", "sgd"]))
        rates = (2e-3, 1e-2) if optimizer == "adam" else (3e-2, 2e-1)
        return cls(
            candidates=candidates,
            widths=(int(draw.choice([8, 12, 16, 24] if depth < 4 else [8, 12])),) * depth,
            raw=bool(draw.random() < 0.25),
            normalized=normalized,
            optimizer=optimizer,
            lr=float(np.exp(draw.uniform(*np.log(rates)))),
            decays=bool(draw.random() < 0.5),
            batch=int(draw.choice([16, 32])),
            steps=int(draw.choice([100, 150, 200])),
            rows=int(draw.choice([300, 600, 1000])),
        )


class Stack(PerceptronStack):
    """Perceptrons with or without batch normalization before each activation."""

    def __init__(self, sizes: Sequence[int], assignments: Sequence[Any], seed: int, normalized: bool) -> None:
        super().__init__(sizes, assignments, [seed] * len(assignments))
        self.scales = nn.ParameterList(
            torch.ones(len(assignments), 1, width) for width in sizes[1:-1] * normalized
        )
        self.moments: list[tuple[Tensor, Tensor]] = []

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs of every network, (N, rows, outputs)."""
        for layer, act in enumerate(self._layers):
            x = torch.bmm(x, self.weights[layer])
            if len(self.scales):
                mean, spread = self._moments(layer, x)
                x = (x - mean) * (self.scales[layer] / spread)
            x = act(x + self.biases[layer])
        return torch.baddbmm(self.biases[-1], x, self.weights[-1])

    def _moments(self, layer: int, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and s.d.: of the batch in training, running ones in evaluation."""
        if not self.training:
            return self.moments[layer]
        mean, spread = x.mean(1, keepdim=True), (x.var(1, keepdim=True, unbiased=False) + 1e-5).sqrt()
        if len(self.moments) <= layer:
            self.moments.append((mean.detach(), spread.detach()))
        old = self.moments[layer]
        self.moments[layer] = (old[0].lerp(mean.detach(), 0.1), old[1].lerp(spread.detach(), 0.1))
        return mean, spread


def losses(said: Tensor, y: Tensor) -> Tensor:
    """Return the loss of each network, (N,): cross entropy of classes (rows,), squared error of (rows, T)."""
    if y.is_floating_point():
        return (said - y).square().mean((1, 2))
    picked = said.log_softmax(-1).gather(-1, y.expand(len(said), -1)[..., None])
    return -picked.mean((1, 2))


def train(sizes: Sequence[int], assignments: Sequence[Any], seed: int, rows: Rows, own: Setting) -> Tensor:
    """Return losses on selection and comparison rows, (2, N)."""
    stack, (x, y), count = Stack(sizes, assignments, seed, own.normalized), rows.training, len(assignments)
    parameters = list(stack.parameters())
    optimizer: torch.optim.Optimizer = (
        torch.optim.Adam(parameters, lr=own.lr, fused=True)
        if own.optimizer == "adam"
        else torch.optim.SGD(parameters, lr=own.lr, momentum=0.9, fused=True)
    )
    order = torch.Generator().manual_seed(seed)
    every: list[int] = []
    while len(every) < own.steps * own.batch:
        every += torch.randperm(len(x), generator=order).tolist()
    for step in range(own.steps):
        batch = torch.tensor(every[step * own.batch : (step + 1) * own.batch])
        if own.decays:
            optimizer.param_groups[0]["lr"] = own.lr * (1 - step / own.steps)
        optimizer.zero_grad()
        losses(stack(x[batch].expand(count, -1, -1)), y[batch]).sum().backward()
        optimizer.step()
    stack.eval()
    with torch.no_grad():
        return torch.stack(
            [losses(stack(a.expand(count, -1, -1)), b) for a, b in (rows.selection, rows.comparison)]
        )


def loaded(name: str, own: Setting) -> tuple[Rows, int]:
    """Return the rows of a problem, in three parts, and how many outputs it takes."""
    inputs, target = PROBLEMS[name]()
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(0))
    training = min(own.rows, len(inputs) // 2)
    rest = min(len(inputs) - training, 1000)
    parts = order[: training + rest].split([training, rest // 2, rest - rest // 2])
    x, y = torch.tensor(np.asarray(inputs)).float(), torch.tensor(np.asarray(target))
    first = x[parts[0]]
    spread = torch.where(first.std(0) > 0, first.std(0), 1.0)
    if own.raw:  # scaled together, shifted by nothing
        x = x / first.square().mean(0).sqrt().clamp_min(1e-9)
    else:
        x = (x - first.mean(0)) / spread
    x = x.clamp(-5, 5)
    if y.is_floating_point():
        y = y.float().reshape(len(y), -1)
        y = (y - y[parts[0]].mean(0)) / y[parts[0]].std(0).clamp_min(1e-9)
        outputs = y.shape[1]
    else:
        y = y.long()
        outputs = int(y.max()) + 1
    one, two, three = ((x[rows], y[rows]) for rows in parts)
    return Rows(training=one, selection=two, comparison=three), outputs


def table(name: str, seeds: int = SEEDS, short: bool = False) -> SearchTable:
    """Train every assignment of a task's network."""
    own = Setting.of(name)
    rows, outputs = loaded(name, own)
    candidates = own.candidates[: 2 if short else None]
    sizes = (rows.training[0].shape[1], *own.widths, outputs)
    every = list(itertools.product(candidates, repeat=len(own.widths)))
    found = np.stack(
        [
            np.concatenate(
                [
                    train(sizes, every[start : start + STACKED], seed, rows, own).numpy()
                    for start in range(0, len(every), STACKED)
                ],
                axis=1,
            )
            for seed in range(seeds)
        ]
    ).reshape(seeds, 2, *(len(candidates),) * len(own.widths))
    found = np.where(np.isfinite(found) & (found < 1e4), found, np.nan)
    mantissa, exponent = np.frexp(found.astype(np.float64))
    found = np.ldexp(np.round(mantissa * 2**BITS) / 2**BITS, exponent)
    family = next(family for family, own in FAMILIES.items() if PROBLEMS[name] in own)
    return SearchTable(
        name=name,
        layers=tuple(f"layer{number}" for number in range(len(own.widths))),
        candidates=(candidates,) * len(own.widths),
        fractions=(1.0,),
        selection=found[:, 0, ..., None],
        comparison=found[:, 1],
        mode="min",
        priors={},
        about={"family": family, "setting": repr(own), **terminal.machine()},
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Build what is missing."""
    parser = terminal.parser(__doc__, short="two candidates and seeds, to try the script", out=OUT)
    parser.add_argument("--only", help="names of problems, separated by commas")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    options.out.mkdir(parents=True, exist_ok=True)
    in_turn = [task.__name__ for turn in itertools.zip_longest(*FAMILIES.values()) for task in turn if task]
    for name in options.only.split(",") if options.only else in_turn:
        target = options.out / f"{name}.npz"
        if not target.exists():
            table(name, 2 if options.short else SEEDS, options.short).save(target)
            print(f"{target}: {target.stat().st_size / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
