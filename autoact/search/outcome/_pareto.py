"""Pareto front of accuracy against latency: how good is what was tried, how long a forward pass takes."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from autoact.records import ParetoPoint, Training, model_key
from autoact.search.outcome._latency import latencies
from autoact.search.phases import study_of
from autoact.search.study import Search
from autoact.search.trainings import ModelTask
from autoact.spaces import Assignment

_MEASURED = 8  # of what was tried, the best; each is a model in memory while latencies are taken in turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One assignment.

    Attributes:
        assignment: The activations.
        mean: Posterior mean of its value after a full training.
        deviation: How sure that is, as a standard deviation.
        latency: Median milliseconds of a forward pass; NaN where it is not measured.
    """

    assignment: Assignment
    mean: float
    deviation: float
    latency: float = math.nan


def believed(search: Search) -> list[Point]:
    """Return what was tried with what is believed of it; uniform baselines count as tried.

    Of one assignment with several hyperparameters, the best counts.
    """
    sign = 1.0 if search.settings.minimize else -1.0
    baselines = [training for training in search.ledger.of("baseline") if training.usable]
    tried = [*(t for t in search.ledger.of("trial") if t.usable), *baselines]
    found = study_of(search).posterior(tried, baselines)
    points: dict[str, Point] = {}
    for training in tried:
        if training.key in found and training.assignment is not None:
            mean, deviation = found[training.key]
            own, key = Point(assignment=training.assignment, mean=mean, deviation=deviation), _key(training)
            if key not in points or sign * mean < sign * points[key].mean:
                points[key] = own
    return list(points.values())


def pareto(search: Search, task: Any, selected: Training, known: Sequence[Point]) -> list[ParetoPoint]:
    """Return the best of what was tried with its measured latency, the fastest first.

    An assignment is on the front if none of the others is both at least as good and at least as fast.
    Nothing is returned where the model cannot be called outside a Trainer.

    Args:
        search: The search.
        task: The model and its data.
        selected: What was chosen; it is measured in any case.
        known: What is believed of everything that was tried.
    """
    if not isinstance(task, ModelTask):
        return []
    sign = 1.0 if search.settings.minimize else -1.0
    ranked = sorted(known, key=lambda point: (point.assignment != selected.assignment, sign * point.mean))
    kept = ranked[:_MEASURED]
    measured = latencies(task, {str(place): point.assignment for place, point in enumerate(kept)})
    if measured is None:
        return []
    points = [
        Point(
            assignment=point.assignment,
            mean=point.mean,
            deviation=point.deviation,
            latency=measured[str(place)],
        )
        for place, point in enumerate(kept)
    ]
    front = on_front(points, minimize=search.settings.minimize)
    return [
        ParetoPoint(
            layers=point.assignment,
            mean=point.mean,
            sd=point.deviation,
            latency=point.latency,
            front=point in front,
        )
        for point in sorted(points, key=lambda point: point.latency)
    ]


def on_front(points: Iterable[Point], *, minimize: bool) -> list[Point]:
    """Return the points that no other one beats in value and latency."""
    sign = 1.0 if minimize else -1.0
    ordered = sorted(points, key=lambda point: (point.latency, sign * point.mean))
    front: list[Point] = []
    for point in ordered:
        if not front or sign * point.mean < sign * front[-1].mean:
            front.append(point)
    return front


def _key(training: Training) -> str:
    assert training.assignment is not None
    return model_key(training.assignment)
