"""Selected model: the last word on the choice, before any comparison data are read."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from autoact.errors import SearchFailedError
from autoact.records import Training
from autoact.search.goals import cheaper_models
from autoact.search.phases._baselines import again, by_belief, mean, trained_as
from autoact.search.phases._remaining import out_of_time
from autoact.search.phases._trials import fell_back, nothing_finite
from autoact.search.study import CHOICE, SELECTED, Search, Study


def select(search: Search, study: Study, chosen: Training, models: Mapping[str, Training]) -> Training:
    """Train the finalists on the selection seeds; return the one that is then believed to be best.

    Finalists are the search's choice, what is believed to be best of all others that were tried, and the best
    baselines; of a search for two goals also cheaper models on the front. The selection seeds chose none of
    them, so that luck in the search is over; the surrogate weighs them together with all of the search. Once
    comparison data were read, the selected model is the one that was compared, for good.

    Args:
        search: The search.
        study: Its study, told of the baselines.
        chosen: The search's choice.
        models: The baselines by label.

    Raises:
        SearchFailedError: The time is over before, or nothing that was tried trains, and the original, chosen
            for want of it, neither.
    """
    compared = next((training for training in search.confirmations if training.label == SELECTED), None)
    if compared is not None:
        return again(compared, "trial", SELECTED, 0)
    finalists = _different(
        [*_finalists(search, study, chosen, models), *cheaper_models(search, study, chosen)]
    )
    _train(search, finalists)
    own = trained_as(search, chosen)
    if not any(training.usable for training in own) and fell_back(search):
        raise SearchFailedError(nothing_finite(search))
    if any(not training.usable and not training.raised for training in own):
        return chosen
    allowed = [chosen, *(m for m in finalists if math.isfinite(mean(trained_as(search, m))))]
    believed = study.posterior(allowed, search.ledger.of("baseline"))
    if chosen.key not in believed:
        return chosen
    sign = search.settings.sign
    known = [model for model in allowed if model.key in believed]
    return min(known, key=lambda model: sign * believed[model.key][0])


def _finalists(
    search: Search, study: Study, chosen: Training, models: Mapping[str, Training]
) -> list[Training]:
    """Return a training of each model to train on the selection seeds, as they are known before."""
    baselines = {name: model for name, model in models.items() if search.variables.allows(model.activations)}
    before = [t for t in search.ledger.of("baseline") if t.seed not in search.seeds.selection]
    best = [baselines[name] for name in by_belief(search, study, baselines, before)]
    tried, count = [replace(chosen, label=CHOICE), *study.ranked()], search.counts.finalists
    return _different([*_different(tried)[: min(2, count - 1)], *best, *tried])[:count]


def _different(models: Sequence[Training]) -> list[Training]:
    """Return the first of equal ones."""
    found: dict[str, Training] = {}
    for model in models:
        found.setdefault(model.key, model)
    return list(found.values())


def _train(search: Search, finalists: Sequence[Training]) -> None:
    asked = [
        again(model, "baseline", model.label, seed) for seed in search.seeds.selection for model in finalists
    ]
    if len(search.trainings.run(asked, over=search.limit.over)) < len(asked):
        raise out_of_time(search, "before the finalists are trained")
