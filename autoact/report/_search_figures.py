"""Figures of latency and of the mixture's weights, by layer and candidate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from autoact.report._run import Run
from autoact.report._svg import COLORS, draw
from autoact.report._wording import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHOWN_LAYERS = 24


def pareto(run: Run) -> str:
    """Draw what was tried, by latency and by believed value; the front is a numbered line."""
    points = [point for point in run.report.pareto if math.isfinite(point.mean)]
    front = [point for point in run.front if math.isfinite(point.mean)]
    if len(points) < 2:
        return ""

    def paint(axes: Axes) -> None:
        for point in points:
            place, color = (point.latency, point.mean), COLORS["chosen" if point.front else "muted"]
            spread = point.sd if math.isfinite(point.sd) else 0.0
            axes.errorbar(*place, yerr=spread, fmt="o", ms=6, color=color, elinewidth=1)
        for rank, point in enumerate(front, 1):  # neighbors are often closer than their names are long
            place, offset = (point.latency, point.mean), (6, 5 if rank % 2 else -12)
            axes.annotate(str(rank), place, offset, textcoords="offset points")
        line = [point.latency for point in front], [point.mean for point in front]
        axes.step(*line, where="post", color=COLORS["chosen"], lw=1)
        axes.margins(x=0.1)
        axes.set(xlabel="ms of a forward pass", ylabel=f"{run.report.metric}, believed")

    return draw("pareto", f"{run.report.metric} against the latency of a forward pass", 8, 3, paint)


def prior(run: Run) -> str:
    """Draw the weights that the mixture gave to the candidates of each layer, as areas."""
    found = {} if run.report.prior is None else run.report.prior.layers
    layers = dict(list(found.items())[:_SHOWN_LAYERS])
    names = list(dict.fromkeys(name for layer in layers.values() for name in layer.weights))
    if len(names) < 2:
        return ""
    dots = [
        (names.index(name), row, weight)
        for row, layer in enumerate(layers.values())
        for name, weight in layer.weights.items()
    ]

    def paint(axes: Axes) -> None:
        columns, rows, weights = zip(*dots, strict=True)
        areas = [360 * max(weight, 0.0) / max(weights) for weight in weights]
        axes.scatter(columns, rows, s=areas, color=COLORS["chosen"], alpha=0.75, lw=0)
        axes.set_xticks(range(len(names)), names)
        errors = [f"{path}\nerror {number(layer.error, 2)}" for path, layer in layers.items()]
        axes.set_yticks(range(len(errors)), errors)
        axes.set_ylim(len(errors) - 0.4, -0.6)
        axes.set_xlim(-0.6, len(names) - 0.4)
        axes.set(title="Weights; error: distance of the nearest single activation, in s.d. of the function")

    return draw("prior", "Weights of the mixture by layer and candidate", 8, 0.9 + 0.5 * len(layers), paint)
