"""What a search found: the report's content, and the object that Python users get."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoact.search.guided import ORIGINAL
from autoact.search.ledger import SEARCH_PHASES, Entry, Ledger, Phase
from autoact.search.plan import SearchPlan
from autoact.search.state import Search
from autoact.search.tuned import Tuned
from autoact.search.verdict import Comparison, compare, finite

import autoact
from autoact.report import summarize
from autoact.search.phases import Confirmed, fell_back
from autoact.spaces import Assignment

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """The result of a search.

    Attributes:
        run_dir: The run directory; None after a dry run.
        verdict: "improved", "no significant difference" or "worse"; None after a dry run.
        assignment: The chosen activations; after a dry run, the model's own.
        report: The content of report.json.
        plan: What was announced.
    """

    run_dir: Path | None
    verdict: str | None
    assignment: Assignment
    report: Mapping[str, Any]
    plan: SearchPlan

    @property
    def hyperparameters(self) -> Mapping[str, Any]:
        """The values chosen with the activations; empty where none were searched."""
        return dict(self.report.get("hyperparameters", {}).get("chosen", {}))

    def summary(self) -> str:
        """Return verdict, assignment, cost and where to look, as text for a terminal."""
        return self.plan.describe() if self.run_dir is None else summarize(self.run_dir)


def build_report(
    search: Search,
    plan: SearchPlan,
    *,
    space: str,
    finalist: Tuned,
    baselines: Mapping[str, Tuned],
    values: Mapping[str, Sequence[float]],
    uniform: str,
    confirmed: Confirmed,
    latency: Mapping[str, Any] | None,
    found: Mapping[str, Any],
    front: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the content of report.json for a search that is done."""
    original = _compare(search, confirmed.finalist, confirmed.original, ORIGINAL)
    against_uniform = _compare(search, confirmed.finalist, confirmed.uniform, uniform)
    return {
        **_header(search, plan, space),
        "cost": cost(search.ledger),
        "chosen": finalist.assignment.to_dict()["layers"],
        "original": search.variables.original.to_dict()["layers"],
        "baselines": _baselines(baselines, values, confirmed),
        "confirmation": {
            "seeds": list(search.seeds.confirmation),
            "selection": _selection(confirmed.finalist),
            "comparison": _comparison(confirmed.finalist),
        },
        "comparisons": {"original": original.to_dict(), "best_uniform": against_uniform.to_dict()},
        "latency": latency,
        "verdict": original.verdict,
        "pareto": list(front),
        **found,
        **_note(search),
        **_hyperparameters(search, finalist, baselines),
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


def _spent(entries: Sequence[Entry]) -> dict[str, Any]:
    return {
        "trainings": whole(sum(entry.share for entry in entries if entry.phase != "probe")),
        "steps": sum(entry.steps for entry in entries),
        "seconds": round(sum(entry.seconds for entry in entries), 3),
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
        "not_finite": [entry.label for entry in search.ledger.entries if not entry.usable],
    }


def _note(search: Search) -> dict[str, str]:
    """Return what a reader has to know of how the choice was made; nothing where it was made as usual."""
    if not fell_back(search):
        return {}
    monitor = search.settings.monitor
    return {"note": f"No choice that the search tried ends with a finite {monitor}; the original does."}


def _hyperparameters(
    search: Search, finalist: Tuned, baselines: Mapping[str, Tuned]
) -> dict[str, dict[str, Any]]:
    """Return what was searched and found; nothing where nothing was searched."""
    if not search.settings.parameters:
        return {}
    found = {
        "searched": dict(search.settings.parameters),
        "own": dict(search.own),
        "chosen": dict(finalist.hyperparameters),
        "baselines": {name: dict(model.hyperparameters) for name, model in baselines.items()},
        "trainings_per_baseline": search.counts.tuning_each,
    }
    return {"hyperparameters": found}


def _baselines(
    models: Mapping[str, Tuned], values: Mapping[str, Sequence[float]], confirmed: Confirmed
) -> dict[str, dict[str, list[float | None]]]:
    compared = {entries[0].key: _comparison(entries) for entries in (confirmed.original, confirmed.uniform)}
    return {
        name: {
            "selection": [finite(value) for value in selection],
            "comparison": compared.get(models[name].key, []),
        }
        for name, selection in values.items()
    }


def _compare(search: Search, finalist: Sequence[Entry], baseline: Sequence[Entry], name: str) -> Comparison:
    ours, theirs = ([_value(entry) for entry in entries] for entries in (finalist, baseline))
    return compare(ours, theirs, search.settings.direction, name=name)


def _value(entry: Entry) -> float:
    assert entry.comparison is not None, "every training of the confirmation reads the comparison data"
    return entry.comparison


def _selection(entries: Sequence[Entry]) -> list[float | None]:
    return [finite(entry.selection) for entry in entries]


def _comparison(entries: Sequence[Entry]) -> list[float | None]:
    return [finite(_value(entry)) for entry in entries]
