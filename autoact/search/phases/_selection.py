"""The last word on the choice, before any comparison data are read: is a baseline better after all?"""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

from autoact.search.guided import Guided
from autoact.search.policy import Names
from autoact.search.state import Search
from autoact.search.tuned import Tuned

from autoact.search.phases import FINALIST


def settle(search: Search, models: Mapping[str, Tuned], values: Mapping[str, Sequence[float]]) -> Tuned:
    """Return the search's choice, or a baseline that the selection data show to be better.

    The seeds of the selection chose nothing for the finalist, so that its luck in the search is over. Where
    the policy has searched, its surrogate weighs them together with all of the search; elsewhere a baseline
    has to win by more than the standard error of its mean difference.

    Args:
        search: The search.
        models: The baselines and the finalist, by label.
        values: Their values on the selection seeds, by label.
    """
    if not all(map(math.isfinite, values[FINALIST])):
        return models[FINALIST]
    allowed = {
        name: model
        for name, model in models.items()
        if search.variables.allows(model.assignment) and all(map(math.isfinite, values[name]))
    }
    ranked = _by_belief(search, allowed)
    if ranked is None:
        ranked = _by_means(search, {name: values[name] for name in allowed})
    return models[ranked]


def _by_belief(search: Search, models: Mapping[str, Tuned]) -> str | None:
    """Return the best of the models by the surrogate; None where it cannot tell them apart."""
    if not search.guided:
        return None
    guided = Guided.of(search)
    known = {name: guided.words.names(model.assignment) for name, model in models.items()}
    names: dict[str, Names] = {name: own for name, own in known.items() if own is not None}
    if guided.problem is None or FINALIST not in names or len(names) < len(models):
        return None
    evidence = [entry for entry in search.ledger.of("baseline") if guided.represents(entry)]
    believed = dict(zip(names, guided.beliefs(list(names.values()), evidence), strict=True))
    sign = 1.0 if search.settings.minimize else -1.0
    best = min(believed, key=lambda name: (sign * believed[name].mean, name != FINALIST))
    same = sign * believed[FINALIST].mean <= sign * believed[best].mean
    return FINALIST if same else best


def _by_means(search: Search, values: Mapping[str, Sequence[float]]) -> str:
    """Return the baseline with the best mean if it beats the finalist beyond doubt, else the finalist."""
    sign = 1.0 if search.settings.minimize else -1.0
    best = min(values, key=lambda name: sign * fmean(values[name]))
    gains = [sign * (a - b) for a, b in zip(values[FINALIST], values[best], strict=True)]
    doubt = stdev(gains) / math.sqrt(len(gains)) if len(gains) > 1 else math.inf
    return best if fmean(gains) > doubt else FINALIST
