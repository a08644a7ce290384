"""Draw docs/theory/pictures/carving.png: one layer, a deep network on a slice, and along a segment.

python scripts/draw_carving.py [--out FILE]
"""

import sys
from pathlib import Path

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import nn

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from autoact import geometry
from scripts import terminal


def network(act: nn.Module, depth: int, seed: int = 3) -> nn.Sequential:
    """Return a perceptron on two inputs, 16 units wide."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for width in (2, *[16] * (depth - 1)):
        layers += [nn.Linear(width, 16), act]
    return nn.Sequential(*layers, nn.Linear(16, 1))


def main() -> None:
    """Draw the picture."""
    out = terminal.parser(__doc__, out=terminal.PICTURES / "carving.png").parse_args().out
    figure = Figure(figsize=(11, 6.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 3)
    torch.manual_seed(0)
    weight, bias = torch.randn(4, 2), 0.7 * torch.randn(4)
    for place, activation in zip(axes[0, :2], ("relu", "hardtanh"), strict=True):
        geometry.draw_arrangement(place, geometry.hyperplanes(weight, bias, activation), 4.0)
        count = geometry.count_regions(weight, bias, activation)
        place.set_title(f"four {activation} neurons: {count} regions")
    corners = ([-4.0, -4.0], [4.0, -4.0], [-4.0, 4.0])
    for place, depth in zip((axes[0, 2], *axes[1, :2]), (1, 2, 4), strict=True):
        regions = geometry.slice_regions(network(nn.ReLU(), depth), *corners)
        geometry.draw_slice(place, regions)
        place.set_title(f"ReLU, {depth} x 16: {len(regions)} regions")
    geometry.draw_pieces(axes[1, 2], geometry.linear_pieces(network(nn.ReLU(), 4), [-4.0, -3.0], [4.0, 3.0]))
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=90)


if __name__ == "__main__":
    main()
