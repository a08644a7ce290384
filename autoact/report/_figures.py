"""Figures of the report: each a function of a run that returns SVG, "" where the run has no data for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from autoact.errors import UnknownActivationError
from autoact.records import Comparison, confidence
from autoact.report._run import Run
from autoact.report._svg import COLORS, draw
from autoact.report._wording import percent
from autoact.spaces import Choice

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_OTHERS = {"uniform": "best_uniform", "original": "original"}  # role of a model: its comparison's key
_MARKERS = {
    "one-shot": ("D", "mixture"),
    "trial": ("o", "trial"),
}


def progress(run: Run) -> str:
    """Draw the monitored value of every training of the search, and the best so far."""
    trainings = [t for t in run.of(*_MARKERS) if math.isfinite(t.selection)]
    if not trainings:
        return ""
    values = [t.selection for t in trainings]
    short = [n for n, t in enumerate(trainings, 1) if t.state == "pruned"]
    tried = [
        n for n, t in enumerate(trainings, 1) if t.usable and t.phase == "trial"
    ]  # a mixture is no choice
    best = list(accumulate((values[n - 1] for n in tried), max if run.larger_is_better else min))

    def paint(axes: Axes) -> None:
        from matplotlib.ticker import MaxNLocator

        axes.step(tried, best, where="post", color=COLORS["chosen"], lw=1.5, label="best so far")
        for phase, (marker, label) in _MARKERS.items():
            at = [n for n, t in enumerate(trainings, 1) if t.phase == phase and n not in short]
            if at:
                color = COLORS["muted" if phase == "trial" else "chosen"]
                there = [values[n - 1] for n in at]
                axes.scatter(at, there, s=22, marker=marker, color=color, label=label, lw=0, zorder=3)
        if short:
            there = [values[n - 1] for n in short]
            label = "pruned"
            axes.scatter(short, there, s=8, color=COLORS["muted"], alpha=0.6, label=label, lw=0, zorder=2)
        _limit(axes, values, run.larger_is_better)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(xlabel="training", ylabel=f"{run.report.metric}, selection data")
        axes.legend(ncols=5, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, handlelength=1.2)

    return draw("progress", f"{run.report.metric} of every training of the search", 8, 3, paint)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A model trained on the fresh seeds; its role is "original", "chosen" or "uniform"."""

    role: str
    name: str
    values: tuple[float, ...]


def finite_mean(values: Sequence[float]) -> float:
    """Return the mean of the finite values, NaN if there are none."""
    finite = [value for value in values if math.isfinite(value)]
    return fmean(finite) if finite else math.nan


def confirmed(run: Run) -> list[Confirmed]:
    """Return comparison values, one per seed, of the original, the chosen and the best uniform model."""
    report = run.report
    compared = report.comparisons.get("best_uniform")
    uniform = "" if compared is None else compared.name
    baselines = {name: found.comparison for name, found in report.baselines.items()}
    found = {
        "original": ("original", () if run.keeps_original else baselines.get("original")),
        "chosen": ("chosen", () if report.confirmation is None else report.confirmation.comparison),
        "uniform": (f"{uniform} everywhere", () if run.is_uniform else baselines.get(uniform)),
    }
    return [Confirmed(role, name, values) for role, (name, values) in found.items() if values]


def seed_values(run: Run) -> str:
    """Draw the confirmed models' values on the comparison data, seeds joined by lines."""
    models = _comparable(run)
    if not models:
        return ""
    label = "Values of the confirmed models on fresh seeds"
    return draw("values", label, 4.2, 3.2, lambda axes: _paint_values(axes, models, run.report.metric))


def differences(run: Run) -> str:
    """Draw the paired differences between the chosen and the other confirmed models, with their intervals."""
    models = _comparable(run)
    if not models:
        return ""
    label = f"Differences to the chosen model, with {_level(run)} intervals"
    return draw("differences", label, 4.2, 3.2, lambda axes: _paint_differences(axes, models, run))


def _level(run: Run) -> str:
    return percent(confidence(run.report.questions))


def _comparable(run: Run) -> list[Confirmed]:
    """Return the confirmed models if there are at least two, with values for the same seeds."""
    models = confirmed(run)
    return models if len(models) > 1 and len({len(model.values) for model in models}) == 1 else []


def _paint_values(axes: Axes, models: Sequence[Confirmed], metric: str) -> None:
    places = range(len(models))
    axes.plot(places, [model.values for model in models], color=COLORS["muted"], lw=0.6, alpha=0.6)
    for place, model in enumerate(models):
        color, mean = COLORS[model.role], finite_mean(model.values)
        axes.scatter([place] * len(model.values), model.values, s=18, color=color, lw=0, zorder=3)
        axes.hlines(mean, place - 0.22, place + 0.22, color=color, lw=2.5, zorder=4)
    axes.set_xticks(places, [model.name for model in models])
    axes.set_xlim(-0.5, len(models) - 0.5)
    axes.grid(visible=False, axis="x")
    axes.set(ylabel=f"{metric}, comparison data", title="One line per seed; bars are means")


def _paint_differences(axes: Axes, models: Sequence[Confirmed], run: Run) -> None:
    by_role, sign = {model.role: model for model in models}, 1.0 if run.larger_is_better else -1.0
    from matplotlib.ticker import MaxNLocator

    rows: list[tuple[Confirmed, Comparison]] = [
        (by_role[role], run.compared[key])
        for role, key in _OTHERS.items()
        if role in by_role and key in run.compared
    ]
    for height, (other, found) in enumerate(rows):
        pairs = zip(by_role["chosen"].values, other.values, strict=True)
        gains = [sign * (chosen - against) for chosen, against in pairs]
        axes.scatter(gains, [height + 0.17] * len(gains), s=14, color=COLORS["muted"], alpha=0.6, lw=0)
        if all(map(math.isfinite, found.ci95)):
            color = COLORS[other.role]
            axes.plot(found.ci95, [height] * 2, color=color, lw=2.5, solid_capstyle="butt")
            axes.plot([found.difference], [height], "o", color=color, ms=7)
    axes.axvline(0, color=COLORS["ink"], lw=1)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_yticks(range(len(rows)), [f"against\n{other.name}" for other, _ in rows])
    axes.set_ylim(-0.6, len(rows) - 0.3)
    axes.grid(visible=False, axis="y")
    axes.set(
        xlabel=f"difference in {run.report.metric}; right of 0 is better",
        title=f"Means and {_level(run)} intervals",
    )


def uniforms(run: Run) -> str:
    """Draw the selection values of every model with one activation everywhere, best on top."""
    rows = {
        name: [value for value in found.selection if math.isfinite(value)]
        for name, found in run.report.baselines.items()
    }
    ranked = sorted((fmean(values), name) for name, values in rows.items() if values)
    ranked = ranked if run.larger_is_better else ranked[::-1]
    if not ranked:
        return ""

    def paint(axes: Axes) -> None:
        for height, (mean, name) in enumerate(ranked):
            axes.scatter(rows[name], [height] * len(rows[name]), s=16, color=COLORS["muted"], alpha=0.7, lw=0)
            axes.plot([mean], [height], "|", color=COLORS["uniform"], ms=14, mew=2.5)
        axes.set_yticks(range(len(ranked)), [name for _, name in ranked])
        axes.set_ylim(-0.6, len(ranked) - 0.4)
        axes.set(xlabel=f"{run.report.metric}, selection data; bars are means")

    return draw(
        "uniforms", "Models with one activation everywhere, ranked", 8, 0.75 + 0.27 * len(ranked), paint
    )


def curves(run: Run) -> str:
    """Draw the monitored value over the trainings of the confirmed models: thin for seeds, thick means."""
    grouped: dict[str, list[tuple[float, ...]]] = {"original": [], "selected": []}  # the rest is uniform
    found = run.report.confirmation
    for training in run.of("confirmation"):
        if found is None or training.seed in found.seeds:
            grouped.setdefault(training.label, []).append(training.curve)
    if max((len(line) for lines in grouped.values() for line in lines), default=0) < 2:
        return ""

    def paint(axes: Axes) -> None:
        from matplotlib.ticker import MaxNLocator

        for label, lines in grouped.items():
            if lines:
                _paint_curves(axes, label, lines)
        _log_if_wide(axes, [value for lines in grouped.values() for line in lines for value in line])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(xlabel="validation", ylabel=f"{run.report.metric}, selection data")
        axes.legend(loc="lower right" if run.larger_is_better else "upper right")

    return draw("curves", f"{run.report.metric} over the trainings of the confirmed models", 8, 3, paint)


def _paint_curves(axes: Axes, label: str, lines: Sequence[tuple[float, ...]]) -> None:
    role = {"selected": "chosen", "original": "original"}.get(label, "uniform")
    for line in lines:
        axes.plot(range(1, len(line) + 1), line, color=COLORS[role], lw=0.5, alpha=0.35)
    length = min(map(len, lines))
    mean = [finite_mean(column) for column in zip(*(line[:length] for line in lines), strict=True)]
    name = f"{label} everywhere" if role == "uniform" else role
    axes.plot(range(1, length + 1), mean, color=COLORS[role], lw=2, label=name)


def _log_if_wide(axes: Axes, values: Sequence[float]) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    finite = [value for value in values if math.isfinite(value)]
    if finite and max(finite) > 8 * min(finite) > 0:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(NullLocator())


def function(name: str, chosen: Choice, before: Choice | None) -> str:
    """Draw an activation, and dashed the one it replaces.

    Args:
        name: Unique name of the figure.
        chosen: The activation with its parameters.
        before: What the layers had, if that is known.

    Returns:
        A small figure; nothing for an activation that is not registered here.
    """
    x = np.linspace(-4, 4, 321)
    try:
        after = _values(chosen, x)
        earlier = _values(before, x) if before else None
    except UnknownActivationError:
        return ""

    def paint(axes: Axes) -> None:
        if earlier is not None:
            axes.plot(x, earlier, color=COLORS["original"], lw=1.4, ls=(0, (4, 2)))
        axes.plot(x, after, color=COLORS["chosen"], lw=2)
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, -4), min(high, 4))
        axes.set_xticks([-4, -2, 0, 2, 4])

    return draw(name, f"Graph of {chosen.activation}", 2.6, 1.7, paint)


def _values(choice: Choice, x: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, Any]:
    """Return the activation's values; of per-channel parameters the mean."""
    import torch

    from autoact.activations import get

    parameters = {name: float(np.mean(value)) for name, value in choice.parameters.items()}
    return get(choice.activation)(torch.from_numpy(x), **parameters).numpy()


def _limit(axes: Axes, values: Sequence[float], larger_is_better: bool) -> None:
    """Cut off hopeless values: the axis ends at twice the distance from the best to the upper quartile."""
    finite = sorted(values, reverse=larger_is_better)
    best, quartile, worst = finite[0], finite[(3 * len(finite)) // 4], finite[-1]
    end = best + 2 * (quartile - best)
    if abs(worst - best) > abs(end - best) > 0:
        margin = 0.08 * (best - end)
        axes.set_ylim(*sorted((best + margin, end)))
