"""Accuracy against latency: how good is what was tried, and how long does its forward pass take."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from autoact.search.guided import Guided
from autoact.search.latency import latencies
from autoact.search.recommendation import assignment_of
from autoact.search.state import Search
from autoact.search.task import Task
from autoact.search.tuned import Tuned
from autoact.search.variables import key_of
from autoact.search.verdict import finite

from autoact.spaces import Assignment

Believed = tuple[Assignment, float, float]  # mean and standard deviation

_MEASURED = 8  # of what was tried, the best; each is a model in memory while latencies are taken in turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One assignment.

    Attributes:
        assignment: The activations.
        mean: What its value is believed to be after a full training.
        deviation: How sure that is, as a standard deviation; NaN where nobody can know.
        latency: Median milliseconds of a forward pass.
    """

    assignment: Assignment
    mean: float
    deviation: float
    latency: float

    def to_dict(self, front: bool) -> dict[str, Any]:
        """Return plain types for report.json."""
        return {
            "layers": self.assignment.to_dict()["layers"],
            "mean": self.mean,
            "sd": finite(self.deviation),
            "latency": self.latency,
            "front": front,
        }


def pareto(search: Search, task: Any, finalist: Tuned, known: Sequence[Believed]) -> list[dict[str, Any]]:
    """Return the best of what was tried with its measured latency, the fastest first.

    An assignment is on the front if none of the others is both at least as good and at least as fast.
    Nothing is returned where the model cannot be called outside a Trainer.

    Args:
        search: The search.
        task: The model and its data.
        finalist: What was chosen; it is measured in any case.
        known: What is believed of everything that was tried.
    """
    if not isinstance(task, Task):
        return []
    sign = 1.0 if search.settings.minimize else -1.0
    ranked = sorted(known, key=lambda each: (each[0] != finalist.assignment, sign * each[1]))
    kept = ranked[:_MEASURED]
    measured = latencies(task, {str(place): each[0] for place, each in enumerate(kept)})
    if measured is None:
        return []
    points = [
        Point(assignment=assignment, mean=mean, deviation=deviation, latency=measured[str(place)])
        for place, (assignment, mean, deviation) in enumerate(kept)
    ]
    front = on_front(points, minimize=search.settings.minimize)
    return [point.to_dict(point in front) for point in sorted(points, key=lambda point: point.latency)]


def on_front(points: Iterable[Point], *, minimize: bool) -> list[Point]:
    """Return the points that no other one beats in value and latency."""
    sign = 1.0 if minimize else -1.0
    ordered = sorted(points, key=lambda point: (point.latency, sign * point.mean))
    front: list[Point] = []
    for point in ordered:
        if not front or sign * point.mean < sign * front[-1].mean:
            front.append(point)
    return front


def believed(search: Search) -> list[Believed]:
    """Return what was tried with mean and standard deviation; uniform baselines count as tried."""
    if search.guided and (guided := Guided.of(search)).problem is not None:
        evidence = [
            entry for entry in search.ledger.of("baseline") if entry.usable and guided.represents(entry)
        ]
        tried = [entry for entry in guided.entries() if entry.usable]
        names = list(dict.fromkeys(guided.names(entry) for entry in [*tried, *evidence]))
        if names:
            found = guided.beliefs(names, evidence)
            return [(guided.words.assignment(each.assignment), each.mean, each.deviation) for each in found]
    means: Mapping[str, tuple[Assignment, float]] = _means(search)
    return [(assignment, mean, math.nan) for assignment, mean in means.values()]


def _means(search: Search) -> dict[str, tuple[Assignment, float]]:
    """Return the mean value of everything that was trained fully, whatever it was trained with."""
    values: dict[str, list[float]] = {}
    known: dict[str, Assignment] = {}
    for entry in search.ledger.of("trial", "reevaluation", "baseline"):
        if entry.usable and entry.stop >= 1 and entry.assignment is not None:
            assignment = assignment_of(entry.assignment)
            known[key_of(assignment)] = assignment
            values.setdefault(key_of(assignment), []).append(entry.selection)
    return {key: (known[key], fmean(found)) for key, found in values.items()}
