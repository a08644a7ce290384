"""Draw docs/theory/pictures/initialization.png: second moment and batch variance, layer by layer.

    python scripts/draw_initialization.py [--out FILE]

50 layers of 512 units, 64 inputs that the initialization has not seen; dashed: the constant gain alone.
"""

import sys
from pathlib import Path

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor, nn

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import autoact
from autoact import analysis, geometry
from scripts import terminal

NAMES, DEPTH, WIDTH = ("relu", "tanh", "silu", "hardswish", "sigmoid"), 50, 512


def network(name: str) -> nn.Sequential:
    """Return layers whose weights are not drawn yet."""
    layers = [(nn.Linear(WIDTH, WIDTH), autoact.FixedActivation(name)) for _ in range(DEPTH)]
    return nn.Sequential(*(layer for pair in layers for layer in pair))


def constant(model: nn.Sequential, name: str) -> None:
    """Draw weights with the constant gain, the first layer with 1."""
    gain = analysis.gain(name)
    linear = [layer for layer in model if isinstance(layer, nn.Linear)]
    for index, layer in enumerate(linear):
        nn.init.normal_(layer.weight, std=(gain if index else 1.0) / WIDTH**0.5)
        nn.init.zeros_(layer.bias)


@torch.no_grad()
def course(model: nn.Sequential, x: Tensor) -> tuple[list[float], list[float]]:
    """Return second moment and batch variance of every layer's outputs."""
    moments, variances = [], []
    for layer in model:
        x = layer(x)
        if isinstance(layer, nn.Linear):
            moments.append(float(x.double().square().mean()))
            variances.append(float(x.double().var(0).mean()))
    return moments, variances


def main() -> None:
    """Draw the picture."""
    out = terminal.parser(__doc__, out=terminal.PICTURES / "initialization.png").parse_args().out
    figure = Figure(figsize=(11, 4), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    for color, name in enumerate(NAMES):
        torch.manual_seed(0)
        model, batch, fresh = network(name), *torch.randn(2, 64, WIDTH)
        geometry.initialize(model, batch)
        for axes, values in zip((left, right), course(model, fresh), strict=True):
            axes.semilogy(range(1, DEPTH + 1), values, color=f"C{color}", label=name)
        constant(model, name)
        left.semilogy(range(1, DEPTH + 1), course(model, fresh)[0], "--", color=f"C{color}", lw=0.9)
    left.axhspan(0.5, 2.0, color="0.9", zorder=0)
    left.plot([], [], "--", color="black", lw=0.9, label="constant gain")
    left.legend(*[found[-1:] for found in left.get_legend_handles_labels()], frameon=False, loc="upper left")
    left.set(xlabel="layer", ylabel="second moment of its outputs", ylim=(1e-3, 1e6))
    left.text(DEPTH, 0.35, "gray: between ½ and 2", ha="right", va="top", fontsize=9)
    right.set(xlabel="layer", ylabel="variance of its outputs over the batch")
    right.legend(frameon=False)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=90)


if __name__ == "__main__":
    main()
