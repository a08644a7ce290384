"""Approximate a function with every weight in [-B, B]: width alone is not enough, the input scale must grow.

    python scripts/examples/bounded_weights.py [--short] [--bound 1] [--out DIR]

The network is y = v·φ(s·(w x + b)) + c. Hidden units are copies of φ, evenly shifted over the domain, with
|w| and |b| at most B; v and c are solved exactly by bounded least squares. The scale s is set, not trained.
Prints the error over width and scale, and draws bounded_weights.png. About 20 s; --short 4 s.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.optimize import lsq_linear
from torch import Tensor, nn

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import autoact
from scripts import terminal

Array = NDArray[np.float64]
Function = Callable[[Tensor], Tensor]

WIDTHS, SCALES = (8, 32, 128, 512), (1, 2, 4, 8, 16)
ACTIVATIONS = ("tanh", "gaussian", "silu", "relu", "cubic")
_FITTED, _MEASURED = 1025, 4001  # points, evenly spaced on [-1, 1]
_NEGLIGIBLE = 1e-10  # singular values below this share of the largest carry no function


def target(x: Array) -> Array:
    """Return the function to approximate: three waves, far from every polynomial of low degree."""
    return np.sin(3 * np.pi * x)


def cubic(x: Tensor) -> Tensor:
    """Return x³: a polynomial, so no network of one layer of it leaves the polynomials of degree 3."""
    return x**3


class BoundedNetwork(nn.Module):
    """One hidden layer whose weights and biases all lie in [-bound, bound], and a fixed input scale.

    Args:
        act: The activation φ.
        width: Number of hidden units n.
        scale: s, by which every input of φ is multiplied.
        bound: B, the largest |weight| and |bias| anywhere.
    """

    def __init__(self, act: Function, width: int, scale: float, bound: float = 1.0) -> None:
        super().__init__()
        self.act, self.scale, self.bound = act, scale, bound
        self.hidden = nn.Linear(1, width, dtype=torch.float64)
        self.output = nn.Linear(width, 1, dtype=torch.float64)
        with torch.no_grad():
            self.hidden.weight.fill_(bound)
            self.hidden.bias.copy_(torch.linspace(-bound, bound, width, dtype=torch.float64))

    def features(self, x: Tensor) -> Tensor:
        """Return (N, width) outputs of the hidden units for x (N, 1)."""
        return self.act(self.scale * self.hidden(x))

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, 1)."""
        return self.output(self.features(x))

    @torch.no_grad()
    def fit(self, x: Array, y: Array) -> "BoundedNetwork":
        """Set the output layer to the exact minimum of the squared error under the bound."""
        solution = bounded_least_squares(_with_ones(self.features(_column(x)).numpy()), y, self.bound)
        self.output.weight.copy_(torch.from_numpy(solution[None, :-1]))
        self.output.bias.copy_(torch.from_numpy(solution[-1:]))
        return self

    def largest_weight(self) -> float:
        """Return max |w| over all weights and biases."""
        return max(float(p.detach().abs().max()) for p in self.parameters())


def bounded_least_squares(design: Array, y: Array, bound: float) -> Array:
    """Return argmin |design v - y|² with |v| <= bound.

    Rotated to its singular vectors first: neighboring units are nearly equal, so a few dozen directions
    hold all that the design can express, and the active-set solver is 10 times faster there.
    """
    left, values, right = np.linalg.svd(design, full_matrices=False)
    kept = values > _NEGLIGIBLE * values[0]
    reduced, rotated = values[kept, None] * right[kept], left[:, kept].T @ y
    found = lsq_linear(reduced, rotated, (-bound, bound), method="bvls", max_iter=10 * design.shape[1])
    return np.clip(found.x, -bound, bound)  # bvls may exceed a bound by a rounding


def error(network: BoundedNetwork, of: Callable[[Array], Array] = target) -> float:
    """Return the root mean square error on [-1, 1], on a finer grid than the one it was fitted on."""
    x = np.linspace(-1, 1, _MEASURED)
    with torch.no_grad():
        return float(np.sqrt(np.mean((network(_column(x)).numpy()[:, 0] - of(x)) ** 2)))


def fitted(
    name: str, width: int, scale: float, bound: float = 1.0, of: Callable[[Array], Array] = target
) -> BoundedNetwork:
    """Return the best network of an activation, by name ("cubic" or a registered one)."""
    act = cubic if name == "cubic" else autoact.get(name)
    x = np.linspace(-1, 1, _FITTED)
    return BoundedNetwork(act, width, scale, bound).fit(x, of(x))


def best_polynomial_error(degree: int, of: Callable[[Array], Array] = target) -> float:
    """Return the root mean square error of the best polynomial."""
    x = np.linspace(-1, 1, _MEASURED)
    return float(np.sqrt(np.mean((np.polyval(np.polyfit(x, of(x), degree), x) - of(x)) ** 2)))


def sweep(widths: Sequence[int], scales: Sequence[float], bound: float) -> dict[str, Array]:
    """Return errors (widths, scales) by activation."""
    return {
        name: np.array([[error(fitted(name, n, s, bound)) for s in scales] for n in widths])
        for name in ACTIVATIONS
    }


def print_table(errors: dict[str, Array], widths: Sequence[int], scales: Sequence[float]) -> None:
    """Print one row per activation and width."""
    print(f"best cubic: {best_polynomial_error(3):.4f}\n")
    print("φ         width  " + "  ".join(f"scale {s:<4g}" for s in scales))
    for name, table in errors.items():
        for width, row in zip(widths, table, strict=True):
            print(f"{name:<9} {width:>5}  " + "  ".join(f"{value:<10.2g}" for value in row))


def draw(errors: dict[str, Array], widths: Sequence[int], scales: Sequence[float], path: Path) -> None:
    """Draw error against scale at the largest width, and how narrow, scaled patches tile the target."""
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    for name, table in errors.items():
        left.loglog(scales, table[-1], marker="o", label=name)
    left.axhline(best_polynomial_error(3), color="black", linestyle=":", zorder=3, label="best cubic")
    left.set(xlabel="input scale s", ylabel="root mean square error", title=f"width {widths[-1]}")
    left.legend(fontsize=7)
    for axes, width, scale in ((middle, 8, 1.0), (right, 32, 16.0)):
        _draw_tiles(axes, fitted("gaussian", width, scale), f"gaussian, width {width}, scale {scale:g}")
    figure.savefig(path, dpi=110)


def _draw_tiles(axes: Any, network: BoundedNetwork, title: str) -> None:
    x = np.linspace(-1, 1, 801)
    with torch.no_grad():
        patches = (network.features(_column(x)) * network.output.weight).numpy()
        patch, *_ = axes.plot(x, patches, color="tab:blue", linewidth=0.5, alpha=0.7)
        patch.set_label("patches v·φ")
        axes.plot(x, network(_column(x)).numpy(), color="tab:orange", linewidth=2, label="their sum")
    axes.plot(x, target(x), color="black", linestyle="--", label="target")
    axes.set(title=title, xlabel="x", ylabel="output", ylim=(-1.1, 1.6))  # room for the legend
    axes.legend(fontsize=7, loc="upper center", ncols=3, handlelength=1.2, columnspacing=0.8)


def _column(x: Array) -> Tensor:
    return torch.from_numpy(x)[:, None]


def _with_ones(features: Array) -> Array:
    return np.concatenate([features, np.ones((len(features), 1))], axis=1)


def main() -> None:
    """Run the sweep."""
    parser = terminal.parser(__doc__, short="few widths and scales", out=terminal.RUNS)
    parser.add_argument("--bound", type=float, default=1.0, metavar="B", help="largest |weight| (default: 1)")
    options = parser.parse_args()
    widths, scales = ((8, 64), (1, 16)) if options.short else (WIDTHS, SCALES)
    errors = sweep(widths, scales, options.bound)
    print_table(errors, widths, scales)
    options.out.mkdir(parents=True, exist_ok=True)
    draw(errors, widths, scales, options.out / "bounded_weights.png")


if __name__ == "__main__":
    main()
