"""Findings of the search itself, for the report: its mixture, what is believed of the choice."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from autoact.records import Belief, Prior, Recommendation, Training, model_key
from autoact.search.phases import study_of
from autoact.search.study import Search
from autoact.spaces import Assignment


def prior(search: Search) -> Prior | None:
    """Return what the mixture learned, and what replacing it by single activations cost."""
    found = next((t for t in search.ledger.of("one-shot") if t.usable and t.derived is not None), None)
    if found is None or found.derived is None:
        return None
    gap = found.details.get("discretization") or {"mixture": found.selection}
    return Prior.of(found.derived, gap, found.details.get("layers") or {})


def beliefs(known: Sequence[tuple[Assignment, Belief]]) -> dict[str, Belief]:
    """Return what is believed, by the key of the assignment; only what is finite.

    Args:
        known: What is believed of everything that was tried.
    """
    return {
        model_key(assignment): belief
        for assignment, belief in known
        if math.isfinite(belief.mean) and math.isfinite(belief.sd)
    }


def recommendation(search: Search, selected: Training, found: Mapping[str, Belief]) -> Recommendation:
    """Return the search's own choice, what is believed of the confirmed one, and whether they differ.

    Args:
        search: The search.
        selected: What was confirmed.
        found: Beliefs by the key of the assignment.
    """
    assert selected.assignment is not None, "only a mixture has none"
    belief = found.get(model_key(selected.assignment))
    known = Recommendation() if belief is None else Recommendation(mean=belief.mean, sd=belief.sd)
    own = study_of(search).best()
    if own is None:
        return known
    measured = tuple(t.selection for t in search.ledger.of("baseline") if t.key == own.key)
    return replace(known, searched=own.assignment, replaced=own.key != selected.key, selection=measured)
