"""Leaderboard of a run: one row for each assignment that it trained, whatever for, the best first."""

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev
from typing import Any

from autoact.records import Training, Value, finite, model_key
from autoact.report._run import Run
from autoact.spaces import Assignment

# before what begins a formula: in a cell, or where a spreadsheet that separates by semicolons begins one
_FORMULA = re.compile(r"((?:^|[;|])[\s\"']*)(?=[-=+@＝＋－＠])")
COLUMNS = (
    *("rank", "assignment", "mean", "sd", "n", "diverged", "phases", "comparison_mean", "comparison_n"),
    *("pruned", "failed", "believed", "believed_sd", "latency_ms", "pareto"),
)
_COST = "cost"  # of a search for two goals


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One assignment with what its trainings gave.

    Attributes:
        layers: The activations.
        hyperparameters: Values of those that were searched.
        selection: Finite values on selection data after full trainings.
        comparison: Finite values on comparison data.
        states: How many trainings ended in which state.
        phases: What it was trained for, in order, each once.
        believed: Posterior mean and standard deviation of its value; None where there is none.
        latency: Milliseconds of a forward pass, where that was measured.
        front: Whether nothing that was measured is both as good and as fast; None where it was not measured.
            Of a search for two goals: whether it was compared as one of the front.
        cost: Of a search for two goals, as the search knew it.
    """

    layers: Assignment
    selection: tuple[float, ...]
    comparison: tuple[float, ...]
    states: Mapping[str, int]
    phases: tuple[str, ...]
    hyperparameters: Mapping[str, Value] = field(default_factory=dict)
    believed: tuple[float, float] | None = None
    latency: float | None = None
    front: bool | None = None
    cost: float | None = None

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


def leaderboard(run: Run) -> list[Row]:
    """Return the rows of a run, the best first, hopeless ones last.

    They are ranked by the posterior means of the search, where it has any, else by means. The mixture belongs
    to no assignment and has no row.
    """
    grouped: dict[str, list[Training]] = {}
    for training in run.trainings:
        if training.assignment is not None and training.phase not in ("probe", "one-shot"):
            grouped.setdefault(training.key, []).append(training)
    rows = [_row(trainings, run) for trainings in grouped.values()]
    return sorted(rows, key=lambda row: (row.value is None, run.sign * (row.value or 0.0)))


def _row(trainings: Sequence[Training], run: Run) -> Row:
    layers, values = trainings[0].activations, trainings[0].hyperparameters
    belief = run.report.beliefs.get(trainings[0].key)
    point = next((point for point in run.report.pareto if point.layers == layers), None)
    two, key = run.report.front, model_key(layers)
    of_front = [] if two is None else [each for each in two.points if each.layers == layers]
    measured = of_front[0].cost if of_front and two is not None and two.goal == "latency" else None
    return Row(
        layers=run.whole(layers),
        selection=tuple(t.selection for t in trainings if t.usable),
        comparison=tuple(v for t in trainings if (v := finite(t.comparison)) is not None),
        states=Counter(t.state for t in trainings),
        phases=tuple(dict.fromkeys(t.phase for t in trainings)),
        hyperparameters=values,
        believed=None if belief is None else (belief.mean, belief.sd),
        latency=measured.value if measured is not None else None if point is None else point.latency,
        front=bool(of_front) if two is not None else None if point is None else point.front,
        cost=None if two is None else two.tried.get(key),
    )


def describe(layers: Assignment, hyperparameters: Mapping[str, Value] | None = None) -> str:
    """Return an assignment in one line, with the hyperparameters that it was trained with.

    Example:
        >>> from autoact.spaces import Choice
        >>> describe(Assignment({"a": Choice("elu", alpha=0.5), "b": "relu"}), {"model.lr": 0.01})
        'a=elu(alpha=0.5), b=relu, model.lr=0.01'
    """
    return ", ".join([str(layers), *(f"{name}={_exact(v)}" for name, v in (hyperparameters or {}).items())])


def _exact(value: Value) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def to_csv(rows: Sequence[Row]) -> str:
    """Return the rows as CSV with a header; no text in it begins as the formulas of spreadsheets do."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    two = any(row.cost is not None for row in rows)
    writer.writerow([*COLUMNS, *([_COST] if two else [])])
    for rank, row in enumerate(rows, 1):
        cells = [*_cells(row), *([row.cost] if two else [])]
        writer.writerow([rank, *("" if value is None else value for value in cells)])
    return text.getvalue()


def _cells(row: Row) -> list[Any]:
    return [
        _harmless(describe(row.layers, row.hyperparameters)),
        row.mean,
        row.sd,
        len(row.selection),
        row.states.get("diverged", 0),
        "+".join(row.phases),
        fmean(row.comparison) if row.comparison else None,
        len(row.comparison),
        row.states.get("pruned", 0),
        row.states.get("failed", 0),
        *(row.believed or (None, None)),
        row.latency,
        None if row.front is None else int(row.front),
    ]


def _harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula, in one line."""
    return _FORMULA.sub(r"\1'", re.sub(r"[\x00-\x1f]+", " ", text))
