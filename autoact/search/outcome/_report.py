"""Report of a search, built from its trainings."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import autoact
from autoact.records import (
    SEARCH_PHASES,
    Baseline,
    Belief,
    Comparison,
    Confirmation,
    Cost,
    Failure,
    Hyperparameters,
    Latency,
    Ledger,
    ParetoPoint,
    Phase,
    Report,
    Training,
)
from autoact.search.outcome._findings import beliefs, prior, recommendation
from autoact.search.phases import Confirmed, SearchPlan, fell_back
from autoact.search.statistics import compare
from autoact.search.study import ORIGINAL, Search
from autoact.spaces import Assignment


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
    latency: Latency | None,
    known: Sequence[tuple[Assignment, Belief]],
    front: tuple[ParetoPoint, ...],
) -> Report:
    """Return the report of a search that is done.

    Args:
        search: The search.
        plan: What was announced.
        space: Name of the search space.
        selected: The selected model.
        baselines: The baselines by name.
        values: Their values on the selection seeds, by name.
        uniform: Name of the best uniform one.
        confirmed: The trainings on fresh seeds.
        latency: Of chosen and original model.
        known: What is believed of everything that was tried.
        front: The best of what was tried, with latencies.
    """
    original = _compare(search, confirmed.selected, confirmed.original, ORIGINAL)
    against_uniform = _compare(search, confirmed.selected, confirmed.uniform, uniform)
    believed = beliefs(known)
    return replace(
        _header(search, plan, space),
        chosen=_assignment(selected),
        recommended=_recommended(search, selected, original),
        baselines=_baselines(baselines, values, confirmed),
        confirmation=Confirmation(
            seeds=tuple(search.seeds.confirmation),
            selection=tuple(training.selection for training in confirmed.selected),
            comparison=_comparison(confirmed.selected),
        ),
        comparisons={"original": original, "best_uniform": against_uniform},
        latency=latency,
        verdict=original.verdict,
        pareto=front,
        prior=prior(search),
        beliefs=believed,
        recommendation=recommendation(search, selected, believed),
        hyperparameters=_hyperparameters(search, selected, baselines),
        note=_note(search),
    )


def build_partial_report(search: Search, plan: SearchPlan, space: str, failure: str) -> Report:
    """Return what can be reported of a search that failed: its cost, and why."""
    return replace(_header(search, plan, space), failure=failure)


def cost(ledger: Ledger) -> dict[str, Cost]:
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


def _spent(trainings: Sequence[Training]) -> Cost:
    return Cost(
        trainings=whole(sum(training.share for training in trainings if training.phase != "probe")),
        steps=sum(training.steps for training in trainings),
        seconds=round(sum(training.seconds for training in trainings), 3),
    )


def whole(share: float) -> float | int:
    """Return a number of full trainings, as an integer where it is one.

    Example:
        >>> whole(0.1 + 0.2 + 0.7), whole(19.75)
        (1, 19.75)
    """
    near = round(share, 4)
    return int(near) if near == int(near) else near


def _header(search: Search, plan: SearchPlan, space: str) -> Report:
    """Return what is known of every search, whether or not it came to an end."""
    settings, trainings = search.settings, search.ledger.trainings
    return Report(
        autoact=autoact.__version__,
        task=plan.task,
        space=space,
        metric=settings.monitor,
        mode=settings.direction,
        budget=settings.budget,
        seed=settings.seed,
        comparison_data=plan.comparison,
        cost=cost(search.ledger),
        original=search.variables.original,
        failures=_failures(search.ledger),
        not_finite=tuple(t.label for t in trainings if not t.usable and t.state != "pruned"),
    )


def _failures(ledger: Ledger) -> tuple[Failure, ...]:
    """Return the trainings that raised, each error once with how many there are."""
    raised = Counter((t.label, t.phase, t.error or "") for t in ledger.trainings if t.state == "failed")
    return tuple(
        Failure(label=label, phase=phase, error=error, count=count)
        for (label, phase, error), count in raised.items()
    )


def _recommended(search: Search, selected: Training, original: Comparison) -> Assignment:
    """Return the activations to use: the model's own unless the verdict is that the choice is better."""
    return _assignment(selected) if original.verdict == "improved" else search.variables.original


def _assignment(training: Training) -> Assignment:
    assert training.assignment is not None, "only a mixture has none"
    return training.assignment


def _note(search: Search) -> str | None:
    """Return what a reader has to know of how the choice was made; None where it was made as usual."""
    if not fell_back(search):
        return None
    monitor = search.settings.monitor
    return f"No choice that the search tried ends with a finite {monitor}; the original does."


def _hyperparameters(
    search: Search, selected: Training, baselines: Mapping[str, Training]
) -> Hyperparameters | None:
    """Return what was searched and found; None where nothing was searched."""
    if not search.settings.parameters:
        return None
    return Hyperparameters(
        searched=dict(search.settings.parameters),
        own=dict(search.own),
        chosen=dict(selected.hyperparameters),
        baselines={name: dict(model.hyperparameters) for name, model in baselines.items()},
        trainings_per_baseline=search.counts.tuning_each,
    )


def _baselines(
    models: Mapping[str, Training], values: Mapping[str, Sequence[float]], confirmed: Confirmed
) -> dict[str, Baseline]:
    compared = {same[0].key: _comparison(same) for same in (confirmed.original, confirmed.uniform)}
    return {
        name: Baseline(selection=tuple(selection), comparison=compared.get(models[name].key, ()))
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


def _comparison(trainings: Sequence[Training]) -> tuple[float, ...]:
    return tuple(_value(training) for training in trainings)
