"""What the search itself found, for the report: its trainings, its prior, what is believed of the choice."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from autoact.search.guided import Guided
from autoact.search.pareto import Believed
from autoact.search.stage import SEARCH_STAGE
from autoact.search.state import Search
from autoact.search.trials import evidence_of
from autoact.search.tuned import Tuned
from autoact.search.variables import key_of
from autoact.search.verdict import finite


def findings(search: Search, finalist: Tuned, known: Sequence[Believed]) -> dict[str, Any]:
    """Return the keys `rungs`, `prior`, `beliefs` and `recommendation` of report.json, as far as they apply.

    Args:
        search: The search, settled.
        finalist: What was confirmed.
        known: What is believed of everything that was tried.
    """
    beliefs = {
        key_of(assignment): {"mean": mean, "sd": sd}
        for assignment, mean, sd in known
        if math.isfinite(mean) and math.isfinite(sd)
    }
    recommendation = _recommendation(search, finalist, beliefs)
    told = {"beliefs": beliefs} if beliefs else {}
    return {**_rungs(search), **_prior(search), **told, "recommendation": recommendation}


def _rungs(search: Search) -> dict[str, Any]:
    """Return how many trainings reached which share, and how many were never finished."""
    if not search.guided:
        return {}
    entries = Guided.of(search).entries()
    reached: dict[tuple[str, int], float] = {}
    for entry in entries:
        reached[entry.key, entry.seed] = max(reached.get((entry.key, entry.seed), 0.0), entry.stop)
    counts = {
        f"{fraction:.4g}": sum(abs(stop - fraction) < 1e-6 for stop in reached.values())
        for fraction in search.rungs.fractions
    }
    return {"rungs": {**search.rungs.to_dict(), "reached": counts}}


def _prior(search: Search) -> dict[str, Any]:
    """Return what the mixture learned, and what replacing it by single activations cost."""
    found = next((entry for entry in search.ledger.of("prior") if entry.usable and entry.assignment), None)
    if found is None:
        return {}
    gap = dict(found.details.get("discretization") or {"mixture": found.selection})
    layers = dict(found.details.get("layers") or {})
    return {"prior": {"choice": found.assignment, "discretization": gap, "layers": layers}}


def _recommendation(
    search: Search, finalist: Tuned, beliefs: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    """Return the search's own choice, what is believed of the confirmed one, and whether they differ."""
    own = _own_choice(search)
    measured = [e.selection for e in search.ledger.of("baseline") if own is not None and e.key == own.key]
    return {
        "searched": own.assignment.to_dict()["layers"] if own is not None else None,
        "replaced": own is not None and own.key != finalist.key,
        "mean": None,
        "sd": None,
        **beliefs.get(key_of(finalist.assignment), {}),
        "selection": [finite(value) for value in measured],
    }


def _own_choice(search: Search) -> Tuned | None:
    return Guided.of(search).best() if search.guided else evidence_of(search, SEARCH_STAGE).best()
