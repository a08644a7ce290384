"""Burgers' equation as the loss, gradient-enhanced: u_t + u u_x = ν u_xx on [-1, 1] for 0 <= t <= 1.

    python scripts/examples/applications/burgers.py [--short] [--out DIR]

From u = -sin(πx) a front steepens at x = 0, smoothed by ν = 0.05. A physics-informed network minimizes the
residual r of the equation and its slope r_x at random points (Yu et al. 2022), which takes the third
derivative u_xxx: the space `physics` with three continuous derivatives required. The error against the exact
solution (Cole 1951, Hopf 1950) guides the search on one grid and compares on another, against tanh. Prints
the verdict, what the slope of the residual is worth, and draws burgers.png. About 5 minutes; --short 10 s.
"""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
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
from scripts.examples.applications._module import Application, trained
from scripts.examples.applications._pictures import draw_seeds

VISCOSITY = 0.05
_POINTS = 128
_DERIVATIVES = 3  # of u, that the loss takes


def solution(points: Tensor) -> Tensor:
    """Return u at points (N, 2) of x and t by the transform of Cole and Hopf, (N, 1).

    u(x, t) = -E[sin(π(x - z)) f(x - z)] / E[f(x - z)], f(y) = exp(-cos(πy) / 2πν), z ~ N(0, 2νt):
    by Gauss and Hermite's quadrature.
    """
    nodes, weights = np.polynomial.hermite.hermgauss(80)
    x, t = points.double().numpy().T[:, :, None]
    y = x - nodes * np.sqrt(4 * VISCOSITY * t)
    exponent = -np.cos(np.pi * y) / (2 * np.pi * VISCOSITY)
    share = weights * np.exp(exponent - exponent.max(1, keepdims=True))
    u = -(share * np.sin(np.pi * y)).sum(1) / share.sum(1)
    return torch.tensor(u[:, None], dtype=torch.float32)


class Burgers(Application):
    """Two hidden layers; the factors t and 1 - x² make initial and boundary values exact.

    Args:
        enhancement: Weight of the residual's slope in x.
        width: Units per hidden layer.
    """

    def __init__(self, enhancement: float = 0.01, width: int = 20) -> None:
        super().__init__(lr=5e-3)
        self.enhancement = enhancement
        self.net = nn.Sequential(
            *(nn.Linear(2, width), nn.Tanh()), *(nn.Linear(width, width), nn.Tanh()), nn.Linear(width, 1)
        )

    def forward(self, points: Tensor) -> Tensor:
        """Return u at points (N, 2) of x and t."""
        x, t = points.split(1, 1)
        return -torch.sin(torch.pi * x) + t * (1 - x**2) * self.net(points * 2)

    def residual(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return r = u_t + u u_x - ν u_xx and r_x at points (N, 2), each (N, 1)."""
        points = points.detach().requires_grad_(True)
        u = self(points)
        (slopes,) = torch.autograd.grad(u.sum(), points, create_graph=True)
        u_x, u_t = slopes.split(1, 1)
        (bends,) = torch.autograd.grad(u_x.sum(), points, create_graph=True)
        r = u_t + u * u_x - VISCOSITY * bends[:, :1]
        (r_slopes,) = torch.autograd.grad(r.sum(), points, create_graph=True)
        return r, r_slopes[:, :1]

    def loss(self, batch: Any) -> Tensor:
        """Return the mean squared residual, with that of its slope."""
        r, r_x = self.residual(batch[0])
        return r.square().mean() + self.enhancement * r_x.square().mean()

    def value(self, batch: Any) -> Tensor:
        """Return the relative L2 error of u, in powers of ten."""
        return self.error(*batch).log10()

    def error(self, points: Tensor, exact: Tensor) -> Tensor:
        """Return the relative L2 error of u at points (N, 2)."""
        return (self(points) - exact).norm() / exact.norm()


def grid(columns: int, rows: int) -> Tensor:
    """Return inner points of a regular grid, (columns * rows, 2)."""
    x = torch.linspace(-1, 1, columns + 2)[1:-1]
    t = torch.linspace(0, 1, rows + 1)[1:]
    return torch.cartesian_prod(x, t)


def loaders(steps: int) -> tuple[DataLoader[Any], ...]:
    """Return loaders of random collocation points, and of two grids that share no point."""
    generator = torch.Generator().manual_seed(0)
    collocation = torch.rand(steps * _POINTS, 2, generator=generator) * torch.tensor([2, 1]) - torch.tensor(
        [1, 0]
    )
    grids = [grid(60, 19), grid(81, 23)]
    return (
        DataLoader(TensorDataset(collocation), batch_size=_POINTS, shuffle=True),
        *(DataLoader(TensorDataset(points, solution(points)), batch_size=len(points)) for points in grids),
    )


def space(short: bool) -> dict[str, Any]:
    """Return the space `physics` with as many continuous derivatives as the loss takes."""
    candidates = ["tanh", "sin"] if short else autoact.SearchSpace.load("physics").candidates
    return {"name": "physics", "candidates": list(candidates), "require": {"smoothness": _DERIVATIVES}}


def search(out: Path, *, short: bool) -> SearchResult:
    """Select the activations, and compare them with tanh on fresh seeds."""
    return autoact.run_search(
        Burgers,
        loaders(10 if short else 300),
        space=space(short),
        monitor="val_loss",
        budget=2 if short else 8,
        seeds=2 if short else 6,
        selection_seeds=1,
        trainer={"max_epochs": 2, "accelerator": "cpu"},
        out=out,
        quiet=True,
        task="Burgers",
    )


def compare(result: SearchResult, steps: int) -> dict[str, Burgers]:
    """Return one model each: as it was, with what was chosen, and that without the residual's slope."""
    batches, _, _ = loaders(steps)
    plain = partial(Burgers, enhancement=0.0)
    return {
        "tanh": trained(Burgers, batches, 2),
        "chosen": trained(Burgers, batches, 2, result.assignment),
        "chosen, r alone": trained(plain, batches, 2, result.assignment),
    }


@torch.no_grad()
def draw(models: dict[str, Burgers], result: SearchResult, path: Path) -> None:
    """Draw the exact solution, the last front with the learned ones, and what every fresh seed gave."""
    figure = Figure(figsize=(12, 3.8), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    exact = solution(grid(199, 100)).reshape(199, 100).numpy()
    shown = left.imshow(exact, origin="lower", aspect="auto", extent=(0, 1, -1, 1), cmap="RdBu_r")
    figure.colorbar(shown, ax=left)
    left.set(title="exact u", xlabel="t", ylabel="x")
    x = torch.linspace(-1, 1, 201)
    last = torch.stack([x, torch.ones_like(x)], 1)
    middle.plot(x, solution(last), color="black", linestyle="--", label="exact")
    for name, model in models.items():
        middle.plot(x, model(last), label=name, linewidth=1)
    middle.set(xlabel="x", ylabel="u at t = 1")
    middle.legend(fontsize=8)
    draw_seeds(right, result)
    right.set_ylabel("log10 of the relative error of u")
    figure.savefig(path, dpi=110)


def main(arguments: Sequence[str] | None = None) -> None:
    """Search, print and draw."""
    parser = terminal.parser(__doc__, short="two candidates, few seeds", out=terminal.RUNS)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        result = search(options.out / "burgers", short=options.short)
    except AutoActError as error:
        sys.exit(str(error))
    print(result.summary())
    models = compare(result, 10 if options.short else 300)
    points = grid(81, 23)
    with torch.no_grad():
        errors = [f"{k} {float(m.error(points, solution(points))):.2g}" for k, m in models.items()]
    print("\nrelative error of u, one seed: " + ", ".join(errors))
    draw(models, result, options.out / "burgers.png")


if __name__ == "__main__":
    torch.set_num_threads(1)  # the models are tiny: threads that wait for each other cost more than they do
    main()
