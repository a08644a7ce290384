"""Values of a run's trainings, as its ledger has them."""

from pathlib import Path
from typing import Any

from autoact.records import Ledger


def values(run: Path) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Return state and every value of each training, by what it is."""
    return {
        (t.phase, t.key, t.seed): (t.state, t.selection, t.comparison, t.curve, t.steps)
        for t in Ledger(run / "trainings.jsonl").trainings
    }


def require_same(run: Path, other: Path) -> None:
    """Check that a run did each training once, and what another one did, too, with its values to the bit."""
    found, known = values(run), values(other)
    assert len(found) == len(Ledger(run / "trainings.jsonl").trainings)
    both = {key for key in found.keys() & known.keys() if key[0] != "probe"}
    assert {key: found[key] for key in both} == {key: known[key] for key in both}
    assert len(both) >= 4  # the mixture, its choice, the original and another baseline
