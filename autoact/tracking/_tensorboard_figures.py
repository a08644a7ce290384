"""Figures of a search: which candidates weigh how much where, and the functions learned so far."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autoact.activations import get
from autoact.errors import needs
from autoact.nn import AutoActivation

with needs("matplotlib", "A figure in TensorBoard"):
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

_POINTS = 121
_PANELS = 12
_BINS = 40


def weights(layers: Mapping[str, AutoActivation]) -> Figure:
    """Return a heatmap of mixture weights, layers x candidates; white where a layer lacks a candidate.

    Example:
        >>> from autoact.nn import AutoActivation
        >>> figure = weights({"net.1": AutoActivation(["relu", "tanh"])})
        >>> [label.get_text() for label in figure.axes[0].get_xticklabels()]
        ['relu', 'tanh']
    """
    names = list(dict.fromkeys(name for layer in layers.values() for name in layer.candidates))
    table = np.full((len(layers), len(names)), np.nan)
    for row, layer in enumerate(layers.values()):
        mean = layer.weights().detach().float().reshape(-1, len(layer.candidates)).mean(0)
        for name, weight in zip(layer.candidates, mean.tolist(), strict=True):
            table[row, names.index(name)] = weight
    figure = Figure(figsize=(2.4 + 0.55 * len(names), 1.6 + 0.3 * len(layers)), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(table, vmin=0.0, vmax=1.0, cmap="viridis", aspect="auto")
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(layers)), list(layers))
    figure.colorbar(image, label="weight in the mixture")
    return figure


def functions(layers: Mapping[str, AutoActivation]) -> Figure:
    """Return one panel per layer: its present function over the histogram of its pre-activations.

    Dashed: the function it started as. Of more than 12 layers, 12 are shown, the first and the last among
    them: a panel costs 30 ms to draw.
    """
    shown = list(layers.items())
    if len(shown) > _PANELS:  # evenly spaced
        shown = [shown[round(place * (len(shown) - 1) / (_PANELS - 1))] for place in range(_PANELS)]
    columns = min(4, max(1, len(shown)))
    rows = -(-max(1, len(shown)) // columns)
    figure = Figure(figsize=(0.4 + 2.7 * columns, 0.5 + 2.2 * rows))
    edge = {"left": 0.5 / figure.get_figwidth(), "bottom": 0.35 / figure.get_figheight()}
    figure.subplots_adjust(**edge, right=0.99, top=1 - 0.55 / figure.get_figheight(), wspace=0.25, hspace=0.4)
    for place, (path, layer) in enumerate(shown, start=1):
        _panel(figure.add_subplot(rows, columns, place), path, layer)
    title = "activation over the histogram of its pre-activations; dashed: at the start"
    if len(shown) < len(layers):
        title += f" ({len(shown)} of {len(layers)} layers)"
    figure.suptitle(title, fontsize="small")
    return figure


def _panel(axes: Axes, path: str, layer: AutoActivation) -> None:
    edges, density = histogram(layer.quantiles)
    z = torch.linspace(float(edges[0]), float(edges[-1]), _POINTS, device=layer.logits.device)
    x, y = z.cpu().numpy(), curve(layer, z).cpu().numpy()
    start = _start(layer, z) if layer.start in layer.candidates else y
    low, high = float(min(y.min(), start.min())), float(max(y.max(), start.max()))
    height = (high - low) / float(density.max())
    axes.stairs(low + height * density, edges, baseline=low, fill=True, color="0.87")
    if start is not y:
        axes.plot(x, start, color="0.45", linestyle="--", linewidth=0.9)
    axes.plot(x, y, label=path or "model", linewidth=1.5)
    ticks = [float(edges[0]), *([0.0] if edges[0] < 0 < edges[-1] else []), float(edges[-1])]
    axes.set_xticks(ticks, [f"{tick:.2g}" for tick in ticks])
    axes.set_yticks([low, high], [f"{low:.2g}", f"{high:.2g}"])
    seen = "" if layer.observed else " (inputs not seen yet)"
    axes.set_title(f"{path or 'model'}{seen}", fontsize="small")
    axes.tick_params(labelsize="x-small")


def histogram(quantiles: Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return edges (B + 1,) and densities (B,) of the distribution that has these quantiles.

    Example:
        >>> edges, density = histogram(torch.linspace(-1, 3, 257))
        >>> float(edges[0]), float(edges[-1]), density.round(2).tolist()[:2]
        (-1.0, 3.0, [0.25, 0.25])
    """
    nodes = quantiles.detach().double().cpu().numpy()
    low, high = float(nodes.min()), float(nodes.max())
    if high <= low:  # all inputs alike
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, _BINS + 1)
    below = np.interp(edges, nodes, np.linspace(0.0, 1.0, len(nodes)), left=0.0, right=1.0)
    return edges, np.diff(below) / np.diff(edges)


@torch.no_grad()
def _start(layer: AutoActivation, z: Tensor) -> NDArray[np.float32]:
    """Return the function that a layer had before it learned, the mean over channels where it has some."""
    settings = layer.settings.get(str(layer.start), {})
    values = {key: float(np.mean(value)) for key, value in settings.items()}
    return get(str(layer.start))(z, **values).float().cpu().numpy()


@torch.no_grad()
def curve(layer: AutoActivation, z: Tensor) -> Tensor:
    """Return a layer's present function at the points z, the mean over channels where it has some."""
    if layer.logits.ndim == 1 and layer.raw.ndim == 1:
        return layer.forward(z[:, None])[:, 0].float()
    channels = max(layer.logits.shape[0] if layer.logits.ndim == 2 else 1, layer.raw.shape[0])
    shape = [1] * max(2, layer.channel_dim + 1)
    shape[layer.channel_dim] = channels
    x = z.reshape(-1, *[1] * (len(shape) - 1)).expand(-1, *shape[1:])
    return layer.forward(x.contiguous()).float().flatten(1).mean(1)


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """Return a figure as (height, width, 4) bytes, drawn without pyplot."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())
