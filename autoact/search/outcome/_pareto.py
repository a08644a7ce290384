"""Pareto front of accuracy against latency: how good is what was tried, how long a forward pass takes."""

from collections.abc import Sequence
from dataclasses import replace

from autoact.records import Belief, ParetoPoint, Training, model_key, on_front
from autoact.search.outcome._latency import latencies
from autoact.search.phases import study_of
from autoact.search.study import Search
from autoact.search.trainings import ModelTask
from autoact.spaces import Assignment

_MEASURED = 8  # of what was tried, the best; each is a model in memory while latencies are taken in turns


def believed(search: Search) -> list[tuple[Assignment, Belief]]:
    """Return what was tried with what is believed of it; uniform baselines count as tried.

    Of one assignment with several hyperparameters, the best counts.
    """
    sign = search.settings.sign
    tried = [training for training in search.ledger.of("trial", "baseline") if training.usable]
    found = study_of(search).posterior(tried, search.ledger.of("baseline"))
    known: dict[str, tuple[Assignment, Belief]] = {}
    for training in tried:
        if training.key in found:
            mean, deviation = found[training.key]
            key = model_key(training.activations)
            if key not in known or sign * mean < sign * known[key][1].mean:
                known[key] = training.activations, Belief(mean=mean, sd=deviation)
    return list(known.values())


def pareto(
    search: Search, selected: Training, known: Sequence[tuple[Assignment, Belief]]
) -> tuple[ParetoPoint, ...]:
    """Return the best of what was tried with its measured latency, the fastest first.

    An assignment is on the front if none of the others is both at least as good and at least as fast.
    Nothing is returned where the model cannot be called outside a Trainer, and of a search for two goals.

    Args:
        search: The search.
        selected: What was chosen; it is measured in any case, and so is the original.
        known: What is believed of everything that was tried.
    """
    task = search.trainings.task
    if not isinstance(task, ModelTask) or search.costs is not None:
        return ()
    sign = search.settings.sign
    always = (selected.assignment, search.variables.original)
    ranked = sorted(known, key=lambda one: (one[0] not in always, sign * one[1].mean))
    kept = ranked[:_MEASURED]
    measured = latencies(task, {str(place): assignment for place, (assignment, _) in enumerate(kept)})
    if measured is None:
        return ()
    points = [
        ParetoPoint(layers=assignment, mean=belief.mean, sd=belief.sd, latency=measured[str(place)])
        for place, (assignment, belief) in enumerate(kept)
    ]
    front = on_front(points, place=lambda point: (point.latency, sign * point.mean))
    ordered = sorted(points, key=lambda point: point.latency)
    return tuple(replace(point, front=point in front) for point in ordered)
