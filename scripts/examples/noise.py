"""Per-sample gradient noise of a real layer against the κ that is computed for its activation.

    python scripts/examples/noise.py [--short] [--out DIR]

Three cases: an error that is independent of the pre-activations, where the noise is proportional to κ; the
first of twelve layers, where the error passes slopes of the same inputs; and a layer that was trained,
whose error depends on the inputs. Prints rank correlations and draws noise.png. About 30 s; --short 12 s.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.stats import spearmanr
from torch import Tensor, nn

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import autoact
from autoact import analysis, geometry
from scripts import terminal
from scripts.point_labels import label

ACTIVATIONS = (
    "identity", "sigmoid", "selu", "elu", "softplus", "tanh", "prelu", "mish", "silu", "sin", "softshrink",
    "gelu", "leaky_relu", "relu", "hill", "relu_squared",
)  # fmt: skip
SHORT = ACTIVATIONS[1::2]
INPUTS, WIDTH = 32, 128
Noise = Callable[[str, int], float]


def layered(name: str, depth: int, seed: int) -> nn.Sequential:
    """Return a network whose pre-activations have second moment 1."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for width in (INPUTS, *[WIDTH] * (depth - 1)):
        layers += [nn.Linear(width, WIDTH), autoact.FixedActivation(name)]
    model = nn.Sequential(*layers, nn.Linear(WIDTH, 1))
    geometry.initialize(model, torch.randn(512, INPUTS))
    return model


def squared(y: Tensor, t: Tensor) -> Tensor:
    """Return half of the squared error."""
    return 0.5 * (y - t).square().sum()


def product(y: Tensor, t: Tensor) -> Tensor:
    """Return an error whose gradient does not depend on the outputs."""
    return (y * t).sum()


def independent(name: str, samples: int) -> float:
    """The error is the target, drawn apart from the inputs."""
    x, t = torch.randn(samples, INPUTS), 1 + 0.5 * torch.randn(samples, 1)
    return geometry.sample_noise(layered(name, 1, 0), product, x, t)["0"]


def deep(name: str, samples: int) -> float:
    """Twelve layers: the error that reaches the first has passed eleven slopes of the same input."""
    x, t = torch.randn(samples, INPUTS), 1 + 0.5 * torch.randn(samples, 1)
    return geometry.sample_noise(layered(name, 12, 0), product, x, t)["0"]


def trained(name: str, samples: int) -> float:
    """After 300 steps on a function of the inputs: what error is left depends on them."""
    model = layered(name, 1, 0)
    x = torch.randn(samples, INPUTS)
    t = x[:, :1].abs() + x[:, 1:2] * x[:, 2:3]
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(300):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x[:1024]), t[:1024])
        loss.backward()
        optimizer.step()
    return geometry.sample_noise(model, squared, x, t)["0"]


CASES: dict[str, Noise] = {"independent": independent, "deep": deep, "trained": trained}


def measure(names: Sequence[str], samples: int) -> dict[str, list[float]]:
    """Return the measured noise by case."""
    return {case: [noise(name, samples) for name in names] for case, noise in CASES.items()}


def picture(kappa: Sequence[float], names: Sequence[str], noises: dict[str, list[float]]) -> Figure:
    """Return one panel per case."""
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (case, noise) in zip(figure.subplots(1, len(noises)), noises.items(), strict=True):
        axes.loglog(kappa, noise, "o", ms=4)
        axes.set(xlabel="κ under N(0, 1)", title=f"{case}: rank correlation {correlation(kappa, noise):.2f}")
        axes.set_xticks([1, 1.5, 2, 3], labels=["1", "1.5", "2", "3"])
        axes.minorticks_off()
    figure.axes[0].set_ylabel("measured E[g²] / E[g]² of the first layer")
    for axes, noise in zip(figure.axes, noises.values(), strict=True):
        label(axes, zip(kappa, noise, names, strict=True))
    return figure


def correlation(kappa: Sequence[float], noise: Sequence[float]) -> float:
    """Return the rank correlation of κ with measured noise."""
    return float(spearmanr(kappa, noise).statistic)


def main() -> None:
    """Measure, print and draw."""
    parser = terminal.parser(__doc__, short="half of the activations, fewer samples", out=terminal.PICTURES)
    options = parser.parse_args()
    names, samples = (SHORT, 2048) if options.short else (ACTIVATIONS, 16_384)
    kappa = [analysis.gradient_noise(name) for name in names]
    noises = measure(names, samples)
    print(f"{'activation':<14}{'κ':>8}" + "".join(f"{case:>14}" for case in noises))
    for index, name in enumerate(names):
        print(f"{name:<14}{kappa[index]:>8.3f}" + "".join(f"{n[index]:>14.4g}" for n in noises.values()))
    print(f"{'rank corr.':<22}" + "".join(f"{correlation(kappa, n):>14.3f}" for n in noises.values()))
    options.out.mkdir(parents=True, exist_ok=True)
    picture(kappa, names, noises).savefig(options.out / "noise.png", dpi=90)


if __name__ == "__main__":
    main()
