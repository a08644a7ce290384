"""Findings of the search itself, for the report: its mixture, what is believed of the choice."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from autoact.records import Training, finite, model_key
from autoact.search.outcome._pareto import Point
from autoact.search.phases import study_of
from autoact.search.study import Search


def findings(search: Search, selected: Training, known: Sequence[Point]) -> dict[str, Any]:
    """Return the keys `prior`, `beliefs` and `recommendation` of report.json, as far as they apply.

    Args:
        search: The search.
        selected: What was confirmed.
        known: What is believed of everything that was tried.
    """
    beliefs = {
        model_key(point.assignment): {"mean": point.mean, "sd": point.deviation}
        for point in known
        if math.isfinite(point.mean) and math.isfinite(point.deviation)
    }
    told = {"beliefs": beliefs} if beliefs else {}
    return {**_one_shot(search), **told, "recommendation": _recommendation(search, selected, beliefs)}


def _one_shot(search: Search) -> dict[str, Any]:
    """Return what the mixture learned, and what replacing it by single activations cost."""
    found = next((t for t in search.ledger.of("one-shot") if t.usable and t.derived is not None), None)
    if found is None or found.derived is None:
        return {}
    gap = dict(found.details.get("discretization") or {"mixture": found.selection})
    layers = dict(found.details.get("layers") or {})
    choice = found.derived.to_dict()["layers"]
    return {"prior": {"choice": choice, "discretization": gap, "layers": layers}}


def _recommendation(
    search: Search, selected: Training, beliefs: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    """Return the search's own choice, what is believed of the confirmed one, and whether they differ."""
    own = study_of(search).best()
    measured = [t.selection for t in search.ledger.of("baseline") if own is not None and t.key == own.key]
    found = own.assignment if own is not None else None
    assert selected.assignment is not None
    return {
        "searched": found.to_dict()["layers"] if found is not None else None,
        "replaced": own is not None and own.key != selected.key,
        "mean": None,
        "sd": None,
        **beliefs.get(model_key(selected.assignment), {}),
        "selection": [finite(value) for value in measured],
    }
