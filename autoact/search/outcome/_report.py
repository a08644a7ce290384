"""Report of a search, the content of report.json, built from its trainings."""

from collections.abc import Mapping, Sequence
from typing import Any

import autoact
from autoact.records import SEARCH_PHASES, Comparison, Ledger, Phase, Training, finite
from autoact.search.phases import Confirmed, SearchPlan, fell_back
from autoact.search.statistics import compare
from autoact.search.study import ORIGINAL, Search
from autoact.spaces import Assignment

SCHEMA = 2


def build_report(
    search: Search,
    plan: SearchPlan,
    *,
    space: str,
    selected: Training,
    baselines: Mapping[str, Training],
    values: Mapping[str, Sequence[float]],
    uniform: str,
    confirmed: Confirmed,
    latency: Mapping[str, Any] | None,
    found: Mapping[str, Any],
    front: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the content of report.json for a search that is done."""
    original = _compare(search, confirmed.selected, confirmed.original, ORIGINAL)
    against_uniform = _compare(search, confirmed.selected, confirmed.uniform, uniform)
    return {
        **_header(search, plan, space),
        "cost": cost(search.ledger),
        "chosen": _assignment(selected).to_dict()["layers"],
        "original": search.variables.original.to_dict()["layers"],
        "baselines": _baselines(baselines, values, confirmed),
        "confirmation": {
            "seeds": list(search.seeds.confirmation),
            "selection": _selection(confirmed.selected),
            "comparison": _comparison(confirmed.selected),
        },
        "comparisons": {"original": original.to_dict(), "best_uniform": against_uniform.to_dict()},
        "latency": latency,
        "verdict": original.verdict,
        "recommended": _recommended(search, selected, original).to_dict()["layers"],
        "pareto": list(front),
        **found,
        **_note(search),
        **_hyperparameters(search, selected, baselines),
    }


def build_partial_report(search: Search, plan: SearchPlan, space: str, failure: str) -> dict[str, Any]:
    """Return what can be reported of a search that failed: its cost, and why."""
    header = _header(search, plan, space)
    return {**header, "cost": cost(search.ledger), "verdict": None, "failure": failure}


def cost(ledger: Ledger) -> dict[str, dict[str, Any]]:
    """Return trainings, optimizer steps and seconds of search, baselines and confirmation, and of tuning.

    The probe's few steps count as steps of the search, not as one of its trainings.
    """
    tuning: dict[str, tuple[Phase, ...]] = {"tuning": ("tuning",)} if any(ledger.of("tuning")) else {}
    parts: dict[str, tuple[Phase, ...]] = {
        "search": SEARCH_PHASES,
        **tuning,
        "baselines": ("baseline",),
        "confirmation": ("confirmation",),
    }
    return {name: _spent(list(ledger.of(*phases))) for name, phases in parts.items()}


def _spent(trainings: Sequence[Training]) -> dict[str, Any]:
    return {
        "trainings": whole(sum(training.share for training in trainings if training.phase != "probe")),
        "steps": sum(training.steps for training in trainings),
        "seconds": round(sum(training.seconds for training in trainings), 3),
    }


def whole(share: float) -> float | int:
    """Return a number of full trainings, as an integer where it is one.

    Example:
        >>> whole(0.1 + 0.2 + 0.7), whole(19.75)
        (1, 19.75)
    """
    near = round(share, 4)
    return int(near) if near == int(near) else near


def _header(search: Search, plan: SearchPlan, space: str) -> dict[str, Any]:
    settings = search.settings
    return {
        "schema": SCHEMA,
        "autoact": autoact.__version__,
        "task": plan.task,
        "space": space,
        "metric": settings.monitor,
        "mode": settings.mode,
        "budget": settings.budget,
        "seed": settings.seed,
        "comparison_data": plan.comparison,
        "failures": _failures(search.ledger),
        "not_finite": [t.label for t in search.ledger.trainings if not t.usable and t.state != "pruned"],
    }


def _failures(ledger: Ledger) -> list[dict[str, Any]]:
    """Return the trainings that raised, as label, phase and error, with how many of each."""
    counted: dict[tuple[str, str, str], int] = {}
    for training in ledger.trainings:
        if training.state == "failed":
            what = (training.label, training.phase, training.error or "")
            counted[what] = counted.get(what, 0) + 1
    return [
        {"label": label, "phase": phase, "error": error, "count": count}
        for (label, phase, error), count in counted.items()
    ]


def _recommended(search: Search, selected: Training, original: Comparison) -> Assignment:
    """Return the activations to use: the model's own unless the verdict is that the choice is better."""
    return _assignment(selected) if original.verdict == "improved" else search.variables.original


def _assignment(training: Training) -> Assignment:
    assert training.assignment is not None, "only a mixture has none"
    return training.assignment


def _note(search: Search) -> dict[str, str]:
    """Return what a reader has to know of how the choice was made; nothing where it was made as usual."""
    if not fell_back(search):
        return {}
    monitor = search.settings.monitor
    return {"note": f"No choice that the search tried ends with a finite {monitor}; the original does."}


def _hyperparameters(
    search: Search, selected: Training, baselines: Mapping[str, Training]
) -> dict[str, dict[str, Any]]:
    """Return what was searched and found; nothing where nothing was searched."""
    if not search.settings.parameters:
        return {}
    found = {
        "searched": dict(search.settings.parameters),
        "own": dict(search.own),
        "chosen": dict(selected.hyperparameters),
        "baselines": {name: dict(model.hyperparameters) for name, model in baselines.items()},
        "trainings_per_baseline": search.counts.tuning_each,
    }
    return {"hyperparameters": found}


def _baselines(
    models: Mapping[str, Training], values: Mapping[str, Sequence[float]], confirmed: Confirmed
) -> dict[str, dict[str, list[float | None]]]:
    compared = {same[0].key: _comparison(same) for same in (confirmed.original, confirmed.uniform)}
    return {
        name: {
            "selection": [finite(value) for value in selection],
            "comparison": compared.get(models[name].key, []),
        }
        for name, selection in values.items()
    }


def _compare(
    search: Search, selected: Sequence[Training], baseline: Sequence[Training], name: str
) -> Comparison:
    ours, theirs = ([_value(training) for training in trainings] for trainings in (selected, baseline))
    return compare(ours, theirs, search.settings.direction, name=name)


def _value(training: Training) -> float:
    assert training.comparison is not None, "every training of the confirmation reads the comparison data"
    return training.comparison


def _selection(trainings: Sequence[Training]) -> list[float | None]:
    return [finite(training.selection) for training in trainings]


def _comparison(trainings: Sequence[Training]) -> list[float | None]:
    return [finite(_value(training)) for training in trainings]
