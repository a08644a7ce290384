"""Poisson's equation as the loss: u'' = -f on [-1, 1] with u(-1) = u(1) = 0.

    python scripts/examples/applications/poisson.py [--short] [--out DIR]

The solution is sin(2πx) + 0.3 sin(5πx). Training minimizes the residual of the equation at random points,
which takes second derivatives of the network; the relative error of u on a grid guides the search, and
that on another grid compares. Searches the space `physics`, which requires two continuous derivatives,
against tanh, prints the verdict, and what ReLU would have done. Draws poisson.png. About 2 minutes;
--short 10 s.
"""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import autoact
from autoact.errors import AutoActError
from autoact.search import SearchResult
from scripts import terminal
from scripts.examples.applications._pictures import draw_seeds

_WAVES = ((1.0, 2 * torch.pi), (0.3, 5 * torch.pi))  # amplitude and frequency
_POINTS, _WIDTH = 64, 24


def solution(x: Tensor) -> Tensor:
    """Return the exact u."""
    return torch.stack([a * torch.sin(w * x) for a, w in _WAVES]).sum(0)


def source(x: Tensor) -> Tensor:
    """Return f = -u''."""
    return torch.stack([a * w**2 * torch.sin(w * x) for a, w in _WAVES]).sum(0)


class Poisson(L.LightningModule):
    """Two hidden layers; a factor 1 - x² makes the boundary values exact."""

    def __init__(self, act: type[nn.Module] = nn.Tanh, lr: float = 5e-3) -> None:
        super().__init__()
        self.lr = lr
        self.net = nn.Sequential(
            nn.Linear(1, _WIDTH), act(), nn.Linear(_WIDTH, _WIDTH), act(), nn.Linear(_WIDTH, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return u at points (N, 1)."""
        return (1 - x**2) * self.net(3 * x)

    def residual(self, x: Tensor) -> Tensor:
        """Return u'' + f at points (N, 1)."""
        x = x.detach().requires_grad_(True)
        (slope,) = torch.autograd.grad(self(x).sum(), x, create_graph=True)
        (bend,) = torch.autograd.grad(slope.sum(), x, create_graph=True)
        return bend + source(x)

    def error(self, x: Tensor) -> Tensor:
        """Return the relative L2 error of u at points (N, 1)."""
        return (self(x) - solution(x)).norm() / solution(x).norm()

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Return the mean squared residual over that of u = 0."""
        return self.residual(batch[0]).square().mean() / source(batch[0]).square().mean()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Log the error of u, in powers of ten."""
        self.log("val_loss", self.error(batch[0]).log10())

    def test_step(self, batch: Any, batch_idx: int) -> None:
        """Log the error of u, in powers of ten."""
        self.log("test_loss", self.error(batch[0]).log10())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=self.lr)


def loaders(steps: int) -> tuple[DataLoader[Any], ...]:
    """Return loaders of random collocation points, and of two grids that share no point."""
    generator = torch.Generator().manual_seed(0)
    collocation = 2 * torch.rand(steps * _POINTS, 1, generator=generator) - 1
    guide, compare = (torch.linspace(-1, 1, count)[:, None] for count in (201, 334))
    return (
        DataLoader(TensorDataset(collocation), batch_size=_POINTS, shuffle=True),
        DataLoader(TensorDataset(guide), batch_size=len(guide)),
        DataLoader(TensorDataset(compare[1:-1]), batch_size=len(compare)),
    )


def search(out: Path, *, short: bool) -> SearchResult:
    """Select the activations, and compare them with tanh on fresh seeds."""
    return autoact.run_search(
        Poisson,
        loaders(20 if short else 250),
        space=["tanh", "sin"] if short else "physics",
        monitor="val_loss",
        budget=2 if short else 10,
        seeds=2 if short else 6,
        selection_seeds=1,
        trainer={"max_epochs": 2, "accelerator": "cpu"},
        out=out,
        quiet=True,
        task="Poisson",
    )


def train(make: partial[Poisson] | type[Poisson], steps: int, seed: int = 0) -> Poisson:
    """Return a model trained by hand, as the search trains it."""
    torch.manual_seed(seed)
    model = make()
    optimizer = model.configure_optimizers()
    for step, batch in enumerate(loaders(steps)[0]):
        optimizer.zero_grad()
        loss = model.training_step(batch, step)
        if loss.requires_grad:
            loss.backward()
        optimizer.step()
    return model


@torch.no_grad()
def draw(models: dict[str, Poisson], result: SearchResult, path: Path) -> None:
    """Draw the solutions over the exact one, and what every fresh seed gave."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    x = torch.linspace(-1, 1, 401)[:, None]
    left.plot(x, solution(x), color="black", linestyle="--", label="exact")
    for name, model in models.items():
        left.plot(x, model(x), label=f"{name}: error {float(model.error(x)):.2g}", linewidth=1)
    left.set(xlabel="x", ylabel="u", ylim=(-2.5, 2.5), xticks=(-1, 0, 1))  # ReLU leaves the picture
    left.legend(fontsize=8)
    draw_seeds(right, result)
    right.set_ylabel("log10 of the relative error of u")
    figure.savefig(path, dpi=110)


def compare(result: SearchResult, steps: int) -> dict[str, Poisson]:
    """Return one model each: as it was, with what was chosen, and with ReLU."""
    chosen = partial(_applied, result)
    return {
        "tanh": train(Poisson, steps),
        "chosen": train(chosen, steps),
        "relu": train(partial(Poisson, nn.ReLU), steps),
    }


def _applied(result: SearchResult) -> Poisson:
    return autoact.apply(Poisson(), result.assignment)


def main(arguments: Sequence[str] | None = None) -> None:
    """Search, print and draw."""
    parser = terminal.parser(__doc__, short="two candidates, few seeds", out=terminal.RUNS)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        result = search(options.out / "poisson", short=options.short)
    except AutoActError as error:
        sys.exit(str(error))
    print(result.summary())
    models = compare(result, 40 if options.short else 500)
    x = torch.linspace(-1, 1, 334)[1:-1, None]
    with torch.no_grad():
        print(
            "\nrelative error of u: " + ", ".join(f"{k} {float(m.error(x)):.2g}" for k, m in models.items())
        )
    draw(models, result, options.out / "poisson.png")


if __name__ == "__main__":
    torch.set_num_threads(1)  # the models are tiny: threads that wait for each other cost more than they do
    main()
