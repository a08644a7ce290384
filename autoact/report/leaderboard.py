"""The assignments that a run trained, ranked: one row for each, whatever it was trained for."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev
from typing import Any

from autoact.report.run_files import RunFiles, Training

COLUMNS = (
    *("rank", "assignment", "mean", "sd", "n", "diverged", "phases", "comparison_mean", "comparison_n"),
    *("short", "believed", "believed_sd", "latency_ms", "pareto"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One assignment with what its trainings gave.

    Attributes:
        assignment: Each layer's activation in words.
        layers: Layer path -> choice.
        hyperparameters: Values of those that were searched.
        selection: Finite values on selection data after full trainings.
        comparison: Finite values on comparison data.
        diverged: Trainings without a finite value.
        phases: What it was trained for, in order, each once.
        short: Trainings that were never finished.
        believed: What the search believes its value to be, with a standard deviation; None if nothing.
        latency: Milliseconds of a forward pass, where that was measured.
        front: Whether nothing that was measured is both as good and as fast; None where it was not measured.
    """

    assignment: str
    layers: dict[str, Any]
    selection: tuple[float, ...]
    comparison: tuple[float, ...]
    diverged: int
    phases: tuple[str, ...]
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    short: int = 0
    believed: tuple[float, float] | None = None
    latency: float | None = None
    front: bool | None = None

    @property
    def value(self) -> float | None:
        """What the row is ranked by: what the search believes, else the mean."""
        return self.believed[0] if self.believed is not None else self.mean

    @property
    def mean(self) -> float | None:
        """Mean over the selection values."""
        return fmean(self.selection) if self.selection else None

    @property
    def sd(self) -> float | None:
        """Standard deviation of the selection values, from two on."""
        return stdev(self.selection) if len(self.selection) > 1 else None


def leaderboard(run: RunFiles) -> list[Row]:
    """Return the rows of a run, the best first, hopeless ones last.

    A search that has trained many assignments a little ranks them by what it believes, others by means.

    The prior trains a mixture, so its value belongs to no assignment and it has no row.
    """
    grouped: dict[str, list[Training]] = {}
    for training in run.trainings:
        if training.get("assignment") and training["phase"] not in ("probe", "one-shot"):
            grouped.setdefault(training["key"], []).append(training)
    sign = -1.0 if run.larger_is_better else 1.0
    rows = [_row(key, trainings, run) for key, trainings in grouped.items()]
    return sorted(rows, key=lambda row: (row.value is None, sign * (row.value or 0.0)))


def _row(key: str, trainings: Sequence[Training], run: RunFiles) -> Row:
    layers, values = dict(trainings[0]["assignment"]), trainings[0].get("hyperparameters") or {}
    full = [t for t in trainings if t.get("stop", 1.0) >= 1]
    belief = (run.report.get("beliefs") or {}).get(key)
    point: Mapping[str, Any] = next((p for p in run.report.get("pareto") or () if p["layers"] == layers), {})
    return Row(
        assignment=describe(layers, values),
        layers=layers,
        selection=tuple(t["selection"] for t in full if t["selection"] is not None),
        comparison=tuple(t["comparison"] for t in trainings if t.get("comparison") is not None),
        diverged=sum(t["selection"] is None for t in trainings),
        phases=tuple(dict.fromkeys(t["phase"] for t in trainings)),
        hyperparameters=values,
        short=len({t["seed"] for t in trainings} - {t["seed"] for t in full}),
        believed=(belief["mean"], belief["sd"]) if belief else None,
        latency=point.get("latency"),
        front=point.get("front"),
    )


def describe(layers: Mapping[str, Any], hyperparameters: Mapping[str, Any] | None = None) -> str:
    """Return an assignment in one line, with the hyperparameters that it was trained with.

    Example:
        >>> describe({"a": {"activation": "elu", "parameters": {"alpha": 0.5}}, "b": {"activation": "relu"}})
        'a=elu(alpha=0.5) b=relu'
    """
    words = [f"{path}={_call(chosen)}" for path, chosen in layers.items()]
    return " ".join(words + [f"{name}={_exact(value)}" for name, value in (hyperparameters or {}).items()])


def _call(chosen: dict[str, Any]) -> str:
    values = ",".join(f"{name}={_short(value)}" for name, value in (chosen.get("parameters") or {}).items())
    return f"{chosen['activation']}({values})" if values else str(chosen["activation"])


def _exact(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _short(value: float | list[float]) -> str:
    if isinstance(value, list | tuple):
        return f"{min(value):.4g}..{max(value):.4g}"
    return f"{value:.4g}"


def to_csv(rows: Sequence[Row]) -> str:
    """Return the rows as CSV with a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for rank, row in enumerate(rows, 1):
        compared = fmean(row.comparison) if row.comparison else ""
        writer.writerow(
            [
                rank,
                row.assignment,
                "" if row.mean is None else row.mean,
                "" if row.sd is None else row.sd,
                len(row.selection),
                row.diverged,
                "+".join(row.phases),
                compared,
                len(row.comparison),
                row.short,
                *(row.believed or ("", "")),
                "" if row.latency is None else row.latency,
                "" if row.front is None else int(row.front),
            ]
        )
    return text.getvalue()
