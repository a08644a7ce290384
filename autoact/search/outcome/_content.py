"""Content of a search's report, from its trainings."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import autoact
from autoact.records import (
    PART_OF,
    Baseline,
    Belief,
    Confirmation,
    Cost,
    Failure,
    FoundHyperparameters,
    Ledger,
    Phase,
    Prior,
    Recommendation,
    Reference,
    Report,
    Training,
    model_key,
)
from autoact.search.outcome._confirmed_front import front
from autoact.search.outcome._earlier import earlier
from autoact.search.outcome._latency import latency
from autoact.search.outcome._pareto import believed, pareto
from autoact.search.phases import Confirmed, SearchPlan, choice_of, fell_back, go_on, study_of, trained_as
from autoact.search.setup import tried_first
from autoact.search.study import ORIGINAL, Search
from autoact.search.trainings import ModelTask
from autoact.spaces import Assignment

_ALWAYS = ("search", "baselines", "confirmation")  # parts whose cost is told where there is none, too


def build_report(
    search: Search,
    plan: SearchPlan,
    *,
    selected: Training,
    baselines: Mapping[str, Training],
    uniform: str,
    compared: Mapping[str, Training],
    confirmed: Confirmed,
    reference: Reference | None,
) -> Report:
    """Return the report of a search that is done; what was chosen is measured for it.

    Args:
        search: The search.
        plan: What was announced.
        selected: The selected model.
        baselines: A training of each baseline by name.
        uniform: Name of the best uniform.
        compared: A training of each model of the confirmation by its label.
        confirmed: The trainings of the confirmation.
        reference: What else was measured on comparison data.
    """
    original, chosen = confirmed.against(search, ORIGINAL), selected.activations
    known = believed(search)
    beliefs = _beliefs(known)
    header = _header(search, plan)
    remarks = (*header["remarks"], *_equal(search, confirmed), *_cut(search, confirmed))
    return Report(
        **{**header, "remarks": remarks},
        chosen=chosen,
        recommended=chosen if original.verdict == "improved" else search.variables.original,
        baselines=_baselines(search, baselines, confirmed),
        confirmation=Confirmation(
            seeds=confirmed.seeds,
            selection=tuple(training.selection for training in confirmed.selected),
            comparison=_compared(confirmed.selected),
            most=search.settings.seeds,
            cut=confirmed.cut,
        ),
        comparisons={
            "original": original,
            "best_uniform": confirmed.against(search, uniform),
        },
        reference=reference,
        looks=confirmed.looks(search),
        latency=latency(search.trainings.task, chosen, search.settings),
        verdict=original.verdict,
        reported=search.directory.note_look(len(confirmed.seeds), search.settings.planned_looks),
        pareto=pareto(search, selected, known),
        front=front(search, compared, confirmed),
        prior=_prior(search),
        beliefs=beliefs,
        recommendation=_recommendation(search, selected, beliefs),
        hyperparameters=_hyperparameters(search, selected, baselines),
        note=_note(search),
    )


def build_partial_report(search: Search, plan: SearchPlan, failure: str) -> Report:
    """Return what can be reported of a search that failed: its cost, and why."""
    return Report(**_header(search, plan), failure=failure)


def cost(ledger: Ledger) -> dict[str, Cost]:
    """Return trainings, optimizer steps and seconds of search, baselines and confirmation, and of tuning.

    The probe's few steps count as steps of the search, not as one of its trainings.
    """
    parts = {part: [t for t in ledger.trainings if PART_OF[t.phase] == part] for part in PART_OF.values()}
    return {part: _spent(found) for part, found in parts.items() if found or part in _ALWAYS}


def whole(share: float) -> float | int:
    """Return a number of full trainings, as an integer where it is one.

    Example:
        >>> whole(0.1 + 0.2 + 0.7), whole(19.75)
        (1, 19.75)
    """
    near = round(share, 4)
    return int(near) if near == int(near) else near


def _spent(trainings: Sequence[Training]) -> Cost:
    return Cost(
        trainings=whole(sum(training.share for training in trainings if training.phase != "probe")),
        steps=sum(training.steps for training in trainings),
        seconds=round(sum(training.seconds for training in trainings), 3),
    )


def _header(search: Search, plan: SearchPlan) -> dict[str, Any]:
    settings, trainings = search.settings, search.ledger.trainings
    return {
        "autoact": autoact.__version__,
        "task": plan.task,
        "space": plan.space,
        "metric": settings.monitor,
        "mode": settings.direction,
        "budget": settings.planned_budget,
        "seed": settings.seed,
        "comparison_data": plan.comparison,
        "cost": cost(search.ledger),
        "original": search.variables.original,
        "executor": settings.to_dict()["executor"],
        "resources": settings.resources,
        "stack": search.trainings.stack if isinstance(search.trainings.task, ModelTask) else None,
        "questions": len(search.questions),
        "earlier": tuple(earlier(search)),
        "failures": _failures(trainings),
        "remarks": (
            *plan.doubts,
            *tried_first(search.variables, settings.earlier),
            *dict.fromkeys(t.remark for t in trainings if t.remark),
        ),
        "not_finite": tuple(t.label for t in trainings if not t.usable and t.state != "pruned"),
    }


def _failures(trainings: Sequence[Training]) -> tuple[Failure, ...]:
    """Return the trainings that raised, those of one model with one error together, and how many did not."""
    if not any(training.raised for training in trainings):
        return ()
    seeds: dict[tuple[str, Phase, str], list[int]] = {}
    trained: Counter[tuple[str, Phase]] = Counter()
    done = {(t.phase, t.key, t.seed) for t in trainings if not t.raised}
    for training in trainings:
        if not training.raised:
            trained[training.label, training.phase] += 1
        elif (training.phase, training.key, training.seed) not in done:  # else it was repeated with success
            found = seeds.setdefault((training.label, training.phase, training.error or ""), [])
            found += [training.seed] if training.seed not in found else []
    return tuple(
        Failure(what=label, phase=phase, seeds=tuple(same), error=error, trained=trained[label, phase])
        for (label, phase, error), same in seeds.items()
    )


def _equal(search: Search, confirmed: Confirmed) -> Iterator[str]:
    """Yield a remark where most trainings have one value on selection and comparison data, bit by bit."""
    trained = [t for t in (*confirmed.selected, *confirmed.original) if t.usable]
    same = sum(training.selection == training.comparison for training in trained)
    if isinstance(search.trainings.task, ModelTask) and 2 * same > len(trained):
        yield (
            f"{search.settings.monitor} is the same number on selection and comparison data in {same} of "
            f"{len(trained)} trainings: look whether the module logs a value that it keeps from before, or "
            "whether the data are the same."
        )


def _cut(search: Search, confirmed: Confirmed) -> Iterator[str]:
    """Yield a remark where the time of the run was over before all seeds of the confirmation."""
    done, wanted = len(confirmed.selected), search.settings.seeds
    if confirmed.cut:
        left = search.counts.confirmation // wanted * (wanted - done)
        yield f"The hours sufficed for {done} of {wanted} seeds of the confirmation. {go_on(search, left)}"


def _beliefs(known: Sequence[tuple[Assignment, Belief]]) -> dict[str, Belief]:
    return {
        model_key(assignment): belief
        for assignment, belief in known
        if math.isfinite(belief.mean) and math.isfinite(belief.sd)
    }


def _prior(search: Search) -> Prior | None:
    """Return what the mixture learned, and what replacing it by single activations cost."""
    found = next((t for t in search.ledger.of("one-shot") if t.usable and t.derived is not None), None)
    if found is None or found.derived is None:
        return None
    gap = found.details.get("discretization") or {"mixture": found.selection}
    return Prior.of(found.derived, gap, found.details.get("layers") or {})


def _recommendation(search: Search, selected: Training, beliefs: Mapping[str, Belief]) -> Recommendation:
    """Return the search's own choice, what is believed of the confirmed one, and whether they differ."""
    own = choice_of(search, study_of(search))
    belief = beliefs.get(model_key(selected.activations), Belief(mean=math.nan, sd=math.nan))
    return Recommendation(
        searched=own.assignment,
        replaced=own.key != selected.key,
        mean=belief.mean,
        sd=belief.sd,
        selection=tuple(t.selection for t in trained_as(search, own) if t.seed in search.seeds.selection),
    )


def _hyperparameters(
    search: Search, selected: Training, baselines: Mapping[str, Training]
) -> FoundHyperparameters | None:
    """Return what was searched and found; None where nothing was searched."""
    if not search.settings.parameters:
        return None
    return FoundHyperparameters(
        searched=dict(search.settings.parameters),
        own=dict(search.own),
        chosen=dict(selected.hyperparameters),
        baselines={name: dict(model.hyperparameters) for name, model in baselines.items()},
        trainings_per_baseline=search.counts.tuning_each,
    )


def _note(search: Search) -> str | None:
    """Return what a reader has to know of how the choice was made; None where it was made as usual."""
    if not fell_back(search):
        return None
    monitor = search.settings.monitor
    return f"No choice that the search tried ends with a finite {monitor}; the original does."


def _baselines(search: Search, models: Mapping[str, Training], confirmed: Confirmed) -> dict[str, Baseline]:
    compared = {same[0].key: _compared(same) for same in (confirmed.original, confirmed.uniform)}
    return {
        name: Baseline(
            selection=tuple(training.selection for training in trained_as(search, model)),
            comparison=compared.get(model.key, ()),
        )
        for name, model in models.items()
    }


def _compared(trainings: Sequence[Training]) -> tuple[float, ...]:
    values = [training.comparison for training in trainings]
    assert None not in values, "every training of the confirmation reads the comparison data"
    return tuple(value for value in values if value is not None)
