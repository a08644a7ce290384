"""Depth 4, 16 and 64 without normalization: steps to a given loss per activation, beside κ, χ and dead units.

    python scripts/examples/depth.py [--short] [--out DIR]

Perceptrons of 64 units learn two interleaved spirals with Adam, from torch's initial weights and from
geometry.initialize. Prints the steps to a loss of 0.3 (-: not within the limit), draws depth.png and writes
depth.csv. --short: depth 4 and 16, four activations, under 60 s.
"""

import csv
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median

import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor, nn

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import autoact
from autoact import geometry
from autoact.nn import module_for
from scripts import terminal
from scripts.point_labels import label

ACTIVATIONS = ("sigmoid", "tanh", "elu", "silu", "prelu", "relu")
STARTS = {"torch": ("o", "tab:orange"), "initialize": ("s", "tab:blue")}  # marker and color
WIDTH, POINTS, GOAL, RATE, LIMIT = 64, 256, 0.3, 1e-3, 200
COLUMNS = ("depth", "start", "activation", "steps", "kappa", "own_kappa", "chi", "dead", "gradient_ratio")


@dataclass(frozen=True, slots=True)
class Result:
    """One training: steps to the goal (infinite if missed), and the first profile of its network."""

    steps: float
    kappa: float
    own_kappa: float
    chi: float
    dead: float
    gradient_ratio: float


def spirals(seed: int) -> tuple[Tensor, Tensor]:
    """Return points (256, 2) of second moment about 1 on two spirals, and their class."""
    draw = torch.Generator().manual_seed(seed)
    angle = 1.0 + 6.0 * torch.rand(POINTS, generator=draw)
    label = (torch.arange(POINTS) % 2).float()
    turned = angle + math.pi * label
    x = torch.stack([turned.cos(), turned.sin()], 1) * angle[:, None] / 3.0
    return x + 0.03 * torch.randn(POINTS, 2, generator=draw), label


def network(name: str, depth: int, start: str, x: Tensor, seed: int) -> nn.Sequential:
    """Return a fresh perceptron."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for width in (2, *[WIDTH] * (depth - 1)):
        layers += [nn.Linear(width, WIDTH), module_for(autoact.Choice(name))]
    model = nn.Sequential(*layers, nn.Linear(WIDTH, 1))
    if start == "initialize":
        geometry.initialize(model, x)
    return model


def train(name: str, depth: int, start: str, seed: int) -> Result:
    """Train until the loss is below the goal."""
    x, label = spirals(seed)
    model = network(name, depth, start, x, seed)
    layers = list(geometry.profile(model, [x]).values())
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    steps = math.inf
    for step in range(LIMIT):
        loss = nn.functional.binary_cross_entropy_with_logits(model(x)[:, 0], label)
        if loss.item() < GOAL:
            steps = step
            break
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    first, last = layers[0], layers[-1]
    return Result(
        steps=steps,
        kappa=median(layer.kappa for layer in layers),
        own_kappa=first.own_kappa,
        chi=median(layer.chi for layer in layers),
        dead=max(layer.dead for layer in layers),
        gradient_ratio=first.gradient / last.gradient if last.gradient else math.nan,
    )


def draw_panel(
    axes: Axes, depth: int, rows: dict[tuple[int, str, str], Result]
) -> list[tuple[float, float, str]]:
    """Draw steps against the ratio of gradients of the first and the last layer; return the points' names."""
    points = []
    for start, (marker, color) in STARTS.items():
        for (d, s, name), result in rows.items():
            if (d, s) == (depth, start):
                ratio = min(max(result.gradient_ratio, 1e-12), 1e12)
                steps = min(result.steps, LIMIT)
                axes.plot(ratio, steps, marker, color=color, mfc="none" if math.isinf(result.steps) else None)
                points.append((ratio, steps, name))
        axes.plot([], [], marker, color=color, label=f"weights: {start}")
    axes.set(xscale="log", xlabel="gradient at the first over that at the last layer", title=f"depth {depth}")
    return points


def picture(depths: Sequence[int], rows: dict[tuple[int, str, str], Result]) -> Figure:
    """Return a panel for each depth."""
    figure = Figure(figsize=(4.3 * len(depths), 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(depths), sharey=True)
    points = [draw_panel(axes, depth, rows) for axes, depth in zip(panels, depths, strict=True)]
    figure.axes[0].set_ylabel(f"steps to a loss of {GOAL} (hollow: not within {LIMIT})")
    panels[-1].legend(loc="center")
    for axes, own in zip(panels, points, strict=True):
        label(axes, own)
    return figure


def main() -> None:
    """Train every network, print a row for each, and draw."""
    parser = terminal.parser(__doc__, short="two depths, four activations", out=terminal.PICTURES)
    options = parser.parse_args()
    depths, names = (
        ((4, 16), ("sigmoid", "tanh", "silu", "relu")) if options.short else ((4, 16, 64), ACTIVATIONS)
    )
    rows: dict[tuple[int, str, str], Result] = {}
    print(
        ("{:>6} {:<11}{:<12}" + "{:>8}" * 6).format(
            *COLUMNS[:3], "steps", "κ", "own κ", "χ", "dead", "g ratio"
        )
    )
    for depth, start, name in product(depths, STARTS, names):
        result = train(name, depth, start, 0)
        rows[depth, start, name] = result
        steps = "-" if math.isinf(result.steps) else f"{result.steps:.0f}"
        numbers = (result.kappa, result.own_kappa, result.chi, result.dead, result.gradient_ratio)
        print(
            f"{depth:>6} {start:<11}{name:<12}{steps:>8}" + "".join(f"{n:>8.2g}" for n in numbers), flush=True
        )
    options.out.mkdir(parents=True, exist_ok=True)
    picture(depths, rows).savefig(options.out / "depth.png", dpi=90)
    with (options.out / "depth.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for key, r in rows.items():
            values = (r.steps, r.kappa, r.own_kappa, r.chi, r.dead, r.gradient_ratio)
            table.writerow((*key, *(f"{value:.4g}" for value in values)))


if __name__ == "__main__":
    main()
