"""Figures of a search: which candidates weigh how much where, and the functions learned so far."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from autoact.errors import needs
from autoact.nn import AutoActivation
from autoact.tracking._layer_function import LayerFunction

with needs("matplotlib", "A figure in TensorBoard"):
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

_PANELS = 12
_INCHES = 0.08  # of a letter of a label
Layers = Mapping[str, AutoActivation] | Mapping[str, LayerFunction]


def weights(layers: Layers) -> Figure:
    """Return a heatmap of mixture weights, layers x candidates; white where a layer lacks a candidate.

    Example:
        >>> from autoact.nn import AutoActivation
        >>> figure = weights({"net.1": AutoActivation(["relu", "tanh"])})
        >>> [label.get_text() for label in figure.axes[0].get_xticklabels()]
        ['relu', 'tanh']
    """
    found = _looked_at(layers)
    names = list(dict.fromkeys(name for layer in found.values() for name in layer.weights))
    table = np.full((len(layers), len(names)), np.nan)
    for row, layer in enumerate(found.values()):
        for name, weight in layer.weights.items():
            table[row, names.index(name)] = weight
    labels = _INCHES * max(map(len, layers), default=0)  # a path of transformers has 50 letters
    size = 1.6 + labels + 0.55 * len(names), 1.6 + 0.3 * len(layers)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(table, vmin=0.0, vmax=1.0, cmap="viridis", aspect="auto")
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(layers)), list(layers))
    figure.colorbar(image, label="weight in the mixture")
    return figure


def _looked_at(layers: Layers) -> dict[str, LayerFunction]:
    return {
        path: layer if isinstance(layer, LayerFunction) else LayerFunction.of(layer)
        for path, layer in layers.items()
    }


def functions(layers: Layers) -> Figure:
    """Return one panel per layer: its present function over the histogram of its pre-activations.

    Dashed: the function it started as. Of more than 12 layers, 12 are shown, the first and the last among
    them: a panel costs 30 ms to draw.
    """
    shown = list(_looked_at(layers).items())
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


def _panel(axes: Axes, path: str, layer: LayerFunction) -> None:
    edges, density, x, y = layer.edges, layer.density, layer.x, layer.y
    start = y if layer.start is None else layer.start
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


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """Return a figure as (height, width, 4) bytes, drawn without pyplot."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())
