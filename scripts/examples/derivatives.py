"""Fit sin(2x) and look at the first and second derivative of the fit: a network is as smooth as its φ.

    python scripts/examples/derivatives.py [--short] [--out DIR]

Networks of two hidden layers are trained on values alone, 129 points on [-π, π], by L-BFGS. Prints the
relative L2 error of f, f' and f'' (median over seeds) and draws derivatives.png. About 20 s; --short 7 s.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import autoact
from autoact.nn import module_for
from scripts import terminal

ACTIVATIONS = (
    "relu",
    "leaky_relu",
    "hardswish",
    "elu",
    "celu",
    "softsign",
    "relu_squared",
    "softplus",
    "silu",
    "gelu",
    "mish",
    "tanh",
    "gaussian",
    "sin",
)
SHORT = ("relu", "elu", "tanh", "sin")
DRAWN = ("relu", "elu", "tanh", "sin")
_WIDTH, _SEEDS, _STEPS = 32, 3, 300
_TRAINED, _MEASURED = 129, 2001  # points, evenly spaced

Triple = tuple[Tensor, Tensor, Tensor]


def truth(x: Tensor) -> Triple:
    """Return sin(2x) with its first and second derivative."""
    return torch.sin(2 * x), 2 * torch.cos(2 * x), -4 * torch.sin(2 * x)


def network(name: str, seed: int) -> nn.Sequential:
    """Return a fresh float64 network of two hidden layers, equal in all but φ for equal seeds."""
    act = partial(module_for, autoact.Choice(name))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = [nn.Linear(a, b) for a, b in ((1, _WIDTH), (_WIDTH, _WIDTH), (_WIDTH, 1))]
    first, second, last = layers
    return nn.Sequential(first, act(), second, act(), last).double()


def train(model: nn.Module, f: Callable[[Tensor], Tensor], steps: int = _STEPS) -> nn.Module:
    """Fit values of f on [-π, π] by L-BFGS."""
    x = _grid(_TRAINED)
    y = f(x)
    optimizer = torch.optim.LBFGS(
        model.parameters(),
        max_iter=steps,
        history_size=20,
        line_search_fn="strong_wolfe",
        tolerance_grad=1e-9,
        tolerance_change=1e-12,
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = (model(x) - y).square().mean()
        value.backward()
        return value

    optimizer.step(loss)
    return model


def derivatives(model: nn.Module, x: Tensor) -> Triple:
    """Return f, f' and f'' of a model at x (N, 1); where f' is constant between kinks, f'' is 0."""
    x = x.detach().requires_grad_(True)
    value = model(x)
    (first,) = torch.autograd.grad(value.sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x, materialize_grads=True)
    return value.detach(), first.detach(), second


def errors(model: nn.Module, exact: Callable[[Tensor], Triple] = truth) -> tuple[float, ...]:
    """Return the relative L2 errors of f, f' and f'' on [-π, π]."""
    x = _grid(_MEASURED)
    found = derivatives(model, x)
    return tuple(float((a - b).norm() / b.norm()) for a, b in zip(found, exact(x), strict=True))


def compare(names: Sequence[str], seeds: int) -> dict[str, tuple[float, ...]]:
    """Return median errors of f, f' and f'' over seeds, by activation."""
    found = {}
    for name in names:
        each = [errors(train(network(name, seed), lambda x: truth(x)[0])) for seed in range(seeds)]
        found[name] = tuple(float(value) for value in np.median(np.array(each), axis=0))
    return found


def smoothness(name: str) -> str:
    """Return the class of an activation at its default parameters: C0, C1, ..., smooth."""
    order = autoact.analysis.smoothness(name)
    return "smooth" if order == float("inf") else f"C{order}"


def print_table(found: Mapping[str, Sequence[float]]) -> None:
    """Print one row per activation."""
    print(f"{'φ':<13} {'class':<7} {'f':>9} {'f′':>9} {'f″':>9}")
    for name, values in found.items():
        print(f"{name:<13} {smoothness(name):<7} " + " ".join(f"{value:>9.4f}" for value in values))


def draw(names: Sequence[str], path: Path) -> None:
    """Draw f, f' and f'' of one trained network per activation over the truth."""
    x = _grid(_MEASURED)
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    panels = figure.subplots(1, 3)
    for axes, exact, drawn in zip(panels, truth(x), ("f(x)", "f′(x)", "f″(x)"), strict=True):
        axes.plot(x, exact, color="black", linestyle="--", linewidth=1, label="sin(2x)")
        axes.set(xlabel="x", ylabel=drawn, ylim=(1.6 * float(exact.min()), 1.6 * float(exact.max())))
    for name in names:
        model = train(network(name, 0), lambda x: truth(x)[0])
        for axes, values in zip(panels, derivatives(model, x), strict=True):
            axes.plot(x, values, linewidth=1, label=name)
    panels[0].legend(fontsize=7, ncols=2)
    figure.savefig(path, dpi=110)


def _grid(points: int) -> Tensor:
    return torch.linspace(-torch.pi, torch.pi, points, dtype=torch.float64)[:, None]


def main() -> None:
    """Train, print and draw."""
    parser = terminal.parser(__doc__, short="four activations, two seeds", out=terminal.RUNS)
    options = parser.parse_args()
    print_table(compare(SHORT, 2) if options.short else compare(ACTIVATIONS, _SEEDS))
    options.out.mkdir(parents=True, exist_ok=True)
    draw(DRAWN, options.out / "derivatives.png")


if __name__ == "__main__":
    torch.set_num_threads(1)  # the models are tiny: threads that wait for each other cost more than they do
    main()
