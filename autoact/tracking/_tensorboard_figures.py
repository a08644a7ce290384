"""Figures of a search: which candidates weigh how much where, and the functions learned so far."""

import textwrap
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
    from matplotlib.lines import Line2D

_PANELS = 12
_LETTERS = 38  # of a title, as wide as a panel
_INCHES = 0.08  # of a letter of a label
Layers = Mapping[str, AutoActivation] | Mapping[str, LayerFunction]


class Weights:
    """Heatmap of mixture weights, layers x candidates; white where a layer lacks a candidate.

    Args:
        layers: The layers, in a first state.

    Example:
        >>> from autoact.nn import AutoActivation
        >>> figure = Weights({"net.1": AutoActivation(["relu", "tanh"])}).figure
        >>> [label.get_text() for label in figure.axes[0].get_xticklabels()]
        ['relu', 'tanh']
    """

    def __init__(self, layers: Layers) -> None:
        found = _looked_at(layers)
        self._names = list(dict.fromkeys(name for layer in found.values() for name in layer.weights))
        labels = _INCHES * max(map(len, layers), default=0)  # a path of transformers has 50 letters
        size = 1.6 + labels + 0.55 * len(self._names), 1.6 + 0.3 * len(layers)
        self.figure = Figure(figsize=size, layout="constrained")
        axes = self.figure.add_subplot()
        self._image = axes.imshow(self._table(found), vmin=0.0, vmax=1.0, cmap="viridis", aspect="auto")
        axes.set_xticks(range(len(self._names)), self._names, rotation=45, ha="right")
        axes.set_yticks(range(len(layers)), list(layers))
        self.figure.colorbar(self._image, label="weight in the mixture")

    def show(self, layers: Layers) -> None:
        """Show the same layers in another state."""
        self.figure.set_layout_engine("none")  # the first drawing has laid it out
        self._image.set_data(self._table(_looked_at(layers)))

    def _table(self, layers: Mapping[str, LayerFunction]) -> NDArray[np.float64]:
        table = np.full((len(layers), len(self._names)), np.nan)
        for row, layer in enumerate(layers.values()):
            for name, weight in layer.weights.items():
                table[row, self._names.index(name)] = weight
        return table


def _looked_at(layers: Layers) -> dict[str, LayerFunction]:
    return {
        path: layer if isinstance(layer, LayerFunction) else LayerFunction.of(layer)
        for path, layer in layers.items()
    }


class Functions:
    """One panel per layer: its present function over the histogram of its pre-activations.

    Dashed: the function it started as. Of more than 12 layers, 12 are shown, the first and the last among
    them: a panel costs 30 ms to draw.

    Args:
        layers: The layers, in a first state.
    """

    def __init__(self, layers: Layers) -> None:
        shown = list(layers)
        if len(shown) > _PANELS:  # evenly spaced
            shown = [shown[round(place * (len(shown) - 1) / (_PANELS - 1))] for place in range(_PANELS)]
        columns = min(4, max(1, len(shown)))
        rows = -(-max(1, len(shown)) // columns)
        self.figure = figure = Figure(figsize=(0.4 + 2.7 * columns, 0.7 + 2.2 * rows))
        edge = {"left": 0.5 / figure.get_figwidth(), "bottom": 0.35 / figure.get_figheight()}
        top = 1 - 0.75 / figure.get_figheight()
        figure.subplots_adjust(**edge, right=0.99, top=top, wspace=0.25, hspace=0.4)
        found = _looked_at(layers)
        self._panels = {
            path: _Panel(figure.add_subplot(rows, columns, place), path, found[path])
            for place, path in enumerate(shown, start=1)
        }
        title = "activation over the histogram of its pre-activations"
        if any(found[path].start is not None for path in shown):
            title += "; dashed: at the start"
        if len(shown) < len(layers):
            title += f" ({len(shown)} of {len(layers)} layers)"
        figure.suptitle(title, fontsize="small")

    def show(self, layers: Layers) -> None:
        """Show the same layers in another state."""
        found = _looked_at(layers)
        for path, panel in self._panels.items():
            panel.show(found[path])


class _Panel:
    """A layer in its axes."""

    def __init__(self, axes: Axes, path: str, layer: LayerFunction) -> None:
        self._axes, self._path = axes, path
        self._histogram = axes.stairs(layer.density, layer.edges, fill=True, color="0.87")
        self._start: Line2D | None = None
        if layer.start is not None:
            (self._start,) = axes.plot(layer.x, layer.start, color="0.45", linestyle="--", linewidth=0.9)
        (self._line,) = axes.plot([], [], label=path or "model", linewidth=1.5)
        axes.tick_params(labelsize="x-small")
        self.show(layer)

    def show(self, layer: LayerFunction) -> None:
        axes, edges, y = self._axes, layer.edges, layer.y
        start = y if layer.start is None or self._start is None else layer.start
        low, high = float(min(y.min(), start.min())), float(max(y.max(), start.max()))
        height = (high - low) / float(layer.density.max())
        self._histogram.set_data(low + height * layer.density, edges, low)
        if self._start is not None:
            self._start.set_data(layer.x, start)
        self._line.set_data(layer.x, y)
        axes.relim()
        axes.autoscale_view()
        ticks = [float(edges[0]), *([0.0] if edges[0] < 0 < edges[-1] else []), float(edges[-1])]
        axes.set_xticks(ticks, [f"{tick:.2g}" for tick in ticks])
        axes.set_yticks([low, high], [f"{low:.2g}", f"{high:.2g}"])
        seen = "" if layer.observed else " (inputs not seen yet)"
        title = f"{self._path or 'model'}{seen}".replace(".", ". ")  # a line may end after a point
        lines = [line.replace(". ", ".") for line in textwrap.wrap(title, _LETTERS)]
        axes.set_title("\n".join(lines), fontsize="small")


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """Return a figure as (height, width, 4) bytes, drawn without pyplot."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())
