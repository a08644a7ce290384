"""Selected model: the last word on the choice, before any comparison data are read."""

import math
from collections.abc import Mapping, Sequence

from autoact.errors import SearchFailedError
from autoact.records import Training
from autoact.search.phases._baselines import again, mean
from autoact.search.phases._trials import fell_back, nothing_finite, study_of
from autoact.search.study import SELECTED, Search


def select(
    search: Search, models: Mapping[str, Training], trained: Mapping[str, Sequence[Training]]
) -> Training:
    """Return the search's choice, or a baseline that is believed to be better.

    The seeds of the selection chose nothing for the search's choice, so that its luck in the search is over;
    the surrogate weighs them together with all of the search. Once comparison data were read, the selected
    model is the one that was compared, for good.

    Args:
        search: The search.
        models: The baselines and the choice, by label.
        trained: Their trainings on the selection seeds, by label; those that raised say nothing.

    Raises:
        SearchFailedError: Nothing that was tried trains, and the original, chosen for want of it, neither.
    """
    compared = next((training for training in search.confirmations if training.label == SELECTED), None)
    if compared is not None:
        return again(compared, "trial", SELECTED, 0)
    chosen = models[SELECTED]
    if not any(training.usable for training in trained[SELECTED]) and fell_back(search):
        raise SearchFailedError(nothing_finite(search))
    if any(not training.usable and not training.raised for training in trained[SELECTED]):
        return chosen
    allowed = [
        model
        for name, model in models.items()
        if model.assignment is not None
        and search.variables.allows(model.assignment)
        and math.isfinite(mean(trained[name]))
    ]
    believed = study_of(search).posterior([chosen, *allowed], search.ledger.of("baseline"))
    if chosen.key not in believed:
        return chosen
    sign = 1.0 if search.settings.minimize else -1.0
    known = [model for model in [chosen, *allowed] if model.key in believed]
    return min(known, key=lambda model: sign * believed[model.key][0])
