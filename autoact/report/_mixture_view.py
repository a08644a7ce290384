"""View of the mixture of a search: its layers over its training, for the widgets."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autoact.dashboard import NAME, layer_of, read_record
from autoact.records import RunDirectory, finite
from autoact.report._run import Run
from autoact.report._view import spaced
from autoact.report._wording import number

_LAYERS = 60  # whose functions a page holds
_WEIGHTS = 30_000  # of a mixture, over all its steps, on a page at most


def mixture_view(run: Run) -> dict[str, Any] | None:
    """Return the mixture's layers: over its training where it left a record, else as the report has them."""
    found = {} if run.report.prior is None else run.report.prior.layers
    notes = [f"error {number(layer.error, 2)}" for layer in found.values()]
    file = RunDirectory(run.path).tensorboard("one-shot") / NAME
    try:
        view = read_record(file)
    except (OSError, ValueError):  # none was left, or not by this version
        return _last_mixture(run, notes)
    same = [layer["path"] for layer in view["layers"]] == list(found)
    kept = _kept(view)
    return {
        **view,
        "notes": notes if same else [],
        "steps": [view["steps"][n] for n in kept],
        "weights": [view["weights"][n] for n in kept],
        "quantities": {name: [all_[n] for n in kept] for name, all_ in view["quantities"].items()},
        "functions": _functions(file, len(view["layers"]), kept),
    }


def _kept(view: dict[str, Any]) -> list[int]:
    """Return which states of a mixture a page holds: evenly spaced, first and last among them."""
    each = sum(len(layer["candidates"]) for layer in view["layers"]) or 1
    return spaced(len(view["steps"]), _WEIGHTS // each)


def _functions(file: Path, layers: int, kept: Sequence[int]) -> list[dict[str, Any]] | None:
    """Return each layer's last function, and its parameters at the states that are kept."""
    if layers > _LAYERS:
        return None
    found = [layer_of(file, place) for place in range(layers)]
    return [
        {
            "functions": each["functions"][-1:],
            "parameters": {name: [values[n] for n in kept] for name, values in each["parameters"].items()},
        }
        for each in found
    ]


def _last_mixture(run: Run, notes: list[str]) -> dict[str, Any] | None:
    found = {} if run.report.prior is None else run.report.prior.layers
    if not found:
        return None
    return {
        "kind": "layers",
        "total": None,
        "layers": [{"path": path, "candidates": list(layer.weights)} for path, layer in found.items()],
        "steps": [0],
        "weights": [[[finite(weight) for weight in layer.weights.values()] for layer in found.values()]],
        "quantities": {},
        "notes": notes,
        "functions": None,
    }
