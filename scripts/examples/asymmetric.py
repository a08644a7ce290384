"""The asymmetric task: evidence adds up where it is positive and saturates where it is negative.

    python scripts/examples/asymmetric.py [--short] [--a 0.3] [--out DIR]

The target is f(t) = t for t >= 0 and a·(exp(t) - 1) below, t ~ N(0, 1). First table: what one unit
c0 + c1·φ(t) can reach at best, φ's own parameters included, which no training can undercut. Second: mixtures
of the default candidates learn f from random starts; their largest weight names a function, and so does the
projection. Draws asymmetric.png. About 30 s; --short 7 s.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import autoact
from autoact.analysis import normal_quantiles
from scripts import terminal

Array = NDArray[np.float64]

ACTIVATIONS = (
    "elu",
    "celu",
    "selu",
    "prelu",
    "leaky_relu",
    "relu",
    "softplus",
    "silu",
    "gelu",
    "mish",
    "tanh",
)
DRAWN = ("elu", "prelu", "relu", "tanh")
_POINTS, _RUNS, _STEPS = 2001, 36, 600
_REACH = 20.0  # farthest value tried for an activation's own parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """The best that one unit can do: c0 + c1·φ(t; parameters), and its error over the target's deviation."""

    error: float
    parameters: Mapping[str, float]
    values: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What a trained mixture is said to be."""

    largest_weight: str
    projected: autoact.Choice
    error: float


def target(t: Array, a: float) -> Array:
    """Return f(t): a line above 0, below it an exponential that saturates at -a."""
    return np.where(t >= 0, t, a * np.expm1(np.minimum(t, 0.0)))


def points(count: int = _POINTS) -> Array:
    """Return equally likely points of N(0, 1), in order."""
    return normal_quantiles(count)


def best_unit(name: str, a: float, t: Array) -> Fit:
    """Return the best affine fit of an activation to the target, over its own parameter too if it has one."""
    learnable = [p for p in autoact.get(name).parameters if p.learnable]
    if not learnable:
        return _affine(name, {}, a, t)
    (own,) = learnable
    low, high = max(own.lower, -_REACH), min(own.upper, _REACH)
    grid = np.linspace(low, high, 81)
    start = int(np.argmin([_affine(name, {own.name: float(v)}, a, t).error for v in grid]))
    bounds = (grid[max(start - 1, 0)], grid[min(start + 1, len(grid) - 1)])
    found = minimize_scalar(
        lambda v: _affine(name, {own.name: float(v)}, a, t).error,
        bounds=bounds,
        method="bounded",
        options={"xatol": 1e-12},
    )
    return _affine(name, {own.name: float(found.x)}, a, t)


def _affine(name: str, parameters: Mapping[str, float], a: float, t: Array) -> Fit:
    y = target(t, a)
    unit = autoact.get(name)(torch.from_numpy(t), **parameters).numpy()
    design = np.stack([np.ones_like(t), unit], axis=1)
    values = design @ np.linalg.lstsq(design, y, rcond=None)[0]
    return Fit(error=float(np.std(values - y) / np.std(y)), parameters=parameters, values=values)


def learn(a: float, seed: int, steps: int = _STEPS) -> Learned:
    """Train a mixture of the default candidates from random weights, and say which activation it is."""
    generator = torch.Generator().manual_seed(seed)
    t = torch.randn(512, generator=generator)
    y = torch.from_numpy(target(t.double().numpy(), a)).float()
    mixture = autoact.AutoActivation("default")
    mixture.observe(t)
    with torch.no_grad():
        mixture.logits.copy_(torch.randn(mixture.logits.shape, generator=generator))
    optimizer = torch.optim.Adam(mixture.parameters(), lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (mixture(t) - y).square().mean()
        loss.backward()
        optimizer.step()
    largest = mixture.candidates[int(mixture.weights().argmax())]
    error = float(loss.detach().sqrt() / y.std())
    return Learned(largest_weight=largest, projected=mixture.choice(), error=error)


def is_elu(choice: autoact.Choice, a: float) -> bool:
    """Tell whether a choice is ELU with α within 2 % of a."""
    alpha = choice.parameters.get("alpha")
    return choice.activation == "elu" and isinstance(alpha, float) and abs(alpha - a) <= 0.02 * a


def print_units(fits: Mapping[str, Fit]) -> None:
    """Print the first table."""
    print("φ            own parameter       error / deviation of f")
    for name, fit in sorted(fits.items(), key=lambda item: item[1].error):
        own = ", ".join(f"{key} = {value:.4g}" for key, value in fit.parameters.items()) or "-"
        print(f"{name:<12} {own:<19} {fit.error:.2g}")


def print_mixtures(runs: Sequence[Learned], a: float) -> None:
    """Print the second table."""
    total = len(runs)
    by_weight = sum(run.largest_weight == "elu" for run in runs)
    projected = sum(run.projected.activation == "elu" for run in runs)
    exact = sum(is_elu(run.projected, a) for run in runs)
    worst = max(run.error for run in runs)
    print(f"\n{total} mixtures from random starts, each within {worst:.2g} of f")
    print(f"the largest weight is ELU's:     {by_weight} of {total}")
    print(f"the nearest candidate is ELU:    {projected} of {total}, α within 2 % in {exact}")


def draw(fits: Mapping[str, Fit], runs: Sequence[Learned], a: float, path: Path) -> None:
    """Draw the best fits, what they leave over, and what the mixtures were named."""
    t = points()
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    left.plot(t, target(t, a), color="black", linestyle="--", label="target")
    for name in DRAWN:
        left.plot(t, fits[name].values, label=name, linewidth=1)
        middle.plot(t, fits[name].values - target(t, a), label=name, linewidth=1)
    left.set(title="best unit c0 + c1·φ(t)", xlabel="input t", ylabel="output")
    middle.set(title="what it leaves over", xlabel="input t", ylabel="unit less target")
    left.legend(fontsize=7)
    _draw_names(right, runs)
    figure.savefig(path, dpi=110)


def _draw_names(axes: Any, runs: Sequence[Learned]) -> None:
    names = list(autoact.SearchSpace.load("default").candidates)
    places = np.arange(len(names))
    by_weight = [sum(run.largest_weight == name for run in runs) for name in names]
    projected = [sum(run.projected.activation == name for run in runs) for name in names]
    axes.bar(places - 0.2, by_weight, width=0.4, label="largest weight")
    axes.bar(places + 0.2, projected, width=0.4, label="projection")
    axes.set_xticks(places, names, rotation=45, ha="right")
    axes.set(title=f"what {len(runs)} mixtures are called", ylabel="mixtures")
    axes.legend(fontsize=7)


def main() -> None:
    """Run both parts."""
    parser = terminal.parser(__doc__, short="6 mixtures instead of 36", out=terminal.RUNS)
    parser.add_argument("--a", type=float, default=0.3, help="depth of the saturation (default: 0.3)")
    options = parser.parse_args()
    fits = {name: best_unit(name, options.a, points()) for name in ACTIVATIONS}
    print_units(fits)
    runs = [learn(options.a, seed) for seed in range(6 if options.short else _RUNS)]
    print_mixtures(runs, options.a)
    options.out.mkdir(parents=True, exist_ok=True)
    draw(fits, runs, options.a, options.out / "asymmetric.png")


if __name__ == "__main__":
    torch.set_num_threads(1)  # the models are tiny: threads that wait for each other cost more than they do
    main()
