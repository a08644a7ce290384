"""Front of value and cost: models that nothing else known beats in both; some of them, spread over it."""

from collections.abc import Sequence
from dataclasses import dataclass

from autoact.records import Training, on_front
from autoact.search.setup import FRONT
from autoact.search.study import Search, Study


@dataclass(frozen=True, slots=True)
class Priced:
    """A model with what is believed of its value, smaller is better, and its cost."""

    model: Training
    value: float
    cost: float


def cheaper_models(search: Search, study: Study, best: Training, *, selected: bool = False) -> list[Training]:
    """Return models on the front of posterior mean and cost that are cheaper than the best, cheapest first.

    At most `FRONT`, those that take in most of the area under the front. The original is none of them,
    but what it beats in both goals is not on the front.

    Args:
        search: The search.
        study: Its study, told of the baselines.
        best: The model that is best by value.
        selected: Whether only what was trained on the seeds of the selection counts; else what was trained on
            them does not, as there may be some of it where a killed run goes on.
    """
    costs, original = search.costs, search.variables.original
    if costs is None:
        return []
    last = () if selected else search.seeds.selection
    counted = [t for t in search.ledger.of("trial", "baseline") if t.phase == "trial" or t.seed not in last]
    baselines = [t for t in counted if t.phase == "baseline"]
    diverged = {t.key for t in baselines if not t.usable and not t.raised}
    known = [t for t in counted if t.usable and t.key not in diverged]
    tried = [t for t in known if not selected or t.seed in search.seeds.selection]
    tried += [best, *(t for t in known if t.assignment == original)]
    models = {t.key: t for t in reversed(tried)}
    believed = study.posterior(list(models.values()), baselines)
    if best.key not in believed:
        return []
    sign = search.settings.sign
    priced = [
        Priced(model, sign * believed[key][0], costs.of(model.activations))
        for key, model in models.items()
        if key in believed
    ]
    end = next(each for each in priced if each.model.key == best.key)
    front = on_front(priced, place=lambda each: (each.cost, each.value))
    better = [each for each in front if each.cost < end.cost and each.value > end.value]
    allowed = [
        each
        for each in better
        if each.model.assignment != original and search.variables.allows(each.model.activations)
    ]
    return [each.model for each in spread(allowed, end, FRONT)]


def spread(front: Sequence[Priced], end: Priced, count: int) -> list[Priced]:
    """Return so many models of a front that take in most of the area under it, each in turn the best.

    The area is measured from the worst value of the front, in which the cheapest model would count for
    nothing: it comes first.

    Args:
        front: The cheapest first, all cheaper than the end and worse.
        end: The best by value, which is taken anyway.
        count: At most so many.
    """
    chosen = list(front[:1]) if count else []
    while len(chosen) < min(count, len(front)):
        left = [each for each in front if each not in chosen]
        chosen.append(max(left, key=lambda one: _area([*chosen, one, end])))
    return sorted(chosen, key=lambda one: one.cost)


def _area(models: Sequence[Priced]) -> float:
    """Return the area between a front and the corner of its worst value and highest cost."""
    ordered = sorted(models, key=lambda one: one.cost)
    worst, highest = max(one.value for one in ordered), ordered[-1].cost
    ends = [*(one.cost for one in ordered[1:]), highest]
    return sum((worst - one.value) * (end - one.cost) for one, end in zip(ordered, ends, strict=True))
