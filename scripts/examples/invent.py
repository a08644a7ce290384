"""Invention on one example: data made with a hidden activation, which a network of tanh finds and names.

    python scripts/examples/invent.py [--short] [--out DIR]

The response of three units, each x·exp(-x²) of a weighted sum of three inputs, with noise. A network of three
tanh units learns the shape of its activation, `autoact.invent` finds the formula, and both are trained anew
on fresh seeds and compared. Writes hidden_bump.py and invent.png to DIR. Half a minute; --short less, too
brief to find anything.
"""

import statistics
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import autoact
from autoact.invention import Invention
from autoact.training import train
from scripts import terminal

NOISE = 0.05
NAME = "hidden_bump"
Loader = DataLoader[tuple[Tensor, ...]]


def data(rows: int = 2000) -> tuple[Loader, Loader, Loader]:
    """Return loaders of training, validation and test data."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(3, 3, generator=generator)
    x = torch.randn(2 * rows, 3, generator=generator)
    z = x @ (1.4 * weight / weight.norm(dim=1, keepdim=True)).T
    y = (z * torch.exp(-z * z)) @ torch.tensor([1.0, -0.8, 0.6])
    y = (y / y.std() + NOISE * torch.randn(y.shape, generator=generator))[:, None]
    parts = ((0, rows), (rows, rows + rows // 2), (rows + rows // 2, 2 * rows))
    first, second, third = (TensorDataset(x[low:high], y[low:high]) for low, high in parts)
    return DataLoader(first, 100, shuffle=True), DataLoader(second, rows), DataLoader(third, rows)


class Units(L.LightningModule):
    """Three units between two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the response, (N, 1)."""
        y: Tensor = self.net(x)
        return y

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the mean square error."""
        return nn.functional.mse_loss(self(batch[0]), batch[1])

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Log it."""
        self.log("val_loss", nn.functional.mse_loss(self(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=0.02)


def main() -> None:
    """Invent, compare, draw."""
    parser = terminal.parser(__doc__, short="two epochs, one seed", out=terminal.RUNS)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    trainer = {"max_epochs": 2 if options.short else 40, "accelerator": "cpu"}
    loaders = data()
    found = autoact.invent(
        Units,
        loaders,
        name=NAME,
        out=options.out / f"{NAME}.py",
        monitor="val_loss",
        trainer=trainer,
        seeds=range(1 if options.short else 4),
        lr=0.01,
    )
    print(found.summary(), end="\n\n")
    draw(found, options.out / "invent.png")
    print(compared(loaders, trainer, range(100, 101 if options.short else 105)))


def compared(loaders: tuple[Loader, ...], trainer: Mapping[str, object], seeds: range) -> str:
    """Return the test losses of the original and of the invention, on fresh paired seeds."""
    losses: dict[str, list[float]] = {}
    given: dict[str, Any] = {"monitor": "val_loss", "trainer": trainer}
    for name in ("tanh", NAME):
        choice = autoact.Assignment({"net.1": name})
        runs = [train(Units, loaders, seed=s, assignment=choice, comparison=True, **given) for s in seeds]
        losses[name] = [float(run.comparison or 0.0) for run in runs]
    better = sum(new < old for old, new in zip(losses["tanh"], losses[NAME], strict=True))
    medians = ", ".join(f"{name} {statistics.median(values):.4f}" for name, values in losses.items())
    return (
        f"median test loss: {medians} (noise alone: {NOISE**2:.4f}); better on {better} of {len(seeds)} seeds"
    )


def draw(found: Invention, path: Path) -> None:
    """Draw what was learned, its formula, the hidden function in its place, and the original."""
    x = np.linspace(found.curve.nodes[0], found.curve.nodes[-1], 300)
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(found.curve.nodes, found.curve.values, ".", markersize=3, label="learned shape")
    axes.plot(x, found.formula.at(x), label=f"found: ${found.formula.latex}$")
    axes.plot(x, np.tanh(x), "--", linewidth=0.8, label="where it began: tanh")
    axes.set(xlabel="pre-activation", ylabel="output")
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
