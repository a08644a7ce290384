"""Two pictures of a search: which candidates weigh how much where, and the functions learned so far."""

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from autoact.nn import AutoActivation

_POINTS = 121


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
        for name, weight in zip(layer.candidates, _mean_weights(layer), strict=True):
            table[row, names.index(name)] = weight
    figure = Figure(figsize=(2.4 + 0.55 * len(names), 1.6 + 0.3 * len(layers)), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(table, vmin=0.0, vmax=1.0, cmap="viridis", aspect="auto")
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(layers)), list(layers))
    figure.colorbar(image, label="weight in the mixture")
    return figure


def functions(layers: Mapping[str, AutoActivation]) -> Figure:
    """Return one curve per layer: its present function over the pre-activations that it was seen to get."""
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.add_subplot()
    for path, layer in layers.items():
        low, high = layer.quantiles.min().item(), layer.quantiles.max().item()
        z = torch.linspace(low, high, _POINTS, device=layer.logits.device)
        axes.plot(z.cpu().numpy(), curve(layer, z).cpu().numpy(), label=path or "model", linewidth=1.2)
    axes.set_xlabel("pre-activation (measured range)")
    axes.set_ylabel("activation")
    axes.grid(alpha=0.3)
    if 0 < len(layers) <= 16:
        axes.legend(fontsize="small")
    return figure


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


@torch.no_grad()
def _mean_weights(layer: AutoActivation) -> list[float]:
    return layer.weights().detach().float().reshape(-1, len(layer.candidates)).mean(0).tolist()
