"""Baselines: the original and every uniform assignment, trained on the selection seeds beside the choice."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from autoact.errors import SearchFailedError
from autoact.records import Phase, Training
from autoact.search.phases._remaining import out_of_time
from autoact.search.study import ORIGINAL, SELECTED, Search
from autoact.spaces import Assignment


def baseline_assignments(search: Search) -> dict[str, Assignment]:
    """Return the original and every uniform assignment by name."""
    variables = search.variables
    return {ORIGINAL: variables.original} | {name: variables.uniform(name) for name in variables.names}


def train_baselines(search: Search, models: Mapping[str, Training]) -> dict[str, list[Training]]:
    """Train models on the selection seeds; return their trainings by label, one per seed.

    Args:
        search: The search.
        models: A training of each by label, which says what to train and with which hyperparameters.

    Raises:
        SearchFailedError: The time is over before.
    """
    asked = [
        again(model, "baseline", label, seed)
        for seed in search.seeds.selection
        for label, model in models.items()
    ]
    done = search.trainings.run(asked, over=search.limit.over)
    if len(done) < len(asked):
        raise out_of_time(search, "before the baselines are trained")
    return {label: done[place :: len(models)] for place, label in enumerate(models)}


def mean(trainings: Sequence[Training]) -> float:
    """Return the mean value of a model over the trainings that did not raise; NaN where one diverged."""
    values = [training.selection for training in trainings if not training.raised]
    return fmean(values) if values else math.nan


def require_alternative(search: Search) -> None:
    """Refuse to go on where an exception ended every training with other activations than the original's.

    Raises:
        SearchFailedError: Names what was raised.
    """
    others = [
        training
        for training in search.ledger.of("one-shot", "trial", "tuning", "baseline")
        if training.assignment is None or training.assignment != search.variables.original
    ]
    alternatives = [training for training in others if training.assignment is not None]
    if not alternatives or not all(training.raised for training in alternatives):
        return
    raised: dict[str, list[str]] = {}
    for training in others:
        if training.raised and training.phase in ("one-shot", "baseline"):
            labels = raised.setdefault(training.error or "", [])
            labels += [training.label] if training.label not in labels else []
    reasons = "; ".join(f"{', '.join(labels)}: {error}" for error, labels in raised.items())
    raise SearchFailedError(
        "No alternative to the original activations could be trained, so there is nothing to compare. "
        f"{reasons}. Correct that, then resume the run."
    )


def again(model: Training, phase: Phase, label: str, seed: int) -> Training:
    """Return the asking for another training of a model."""
    return Training(
        phase=phase,
        label=label,
        assignment=model.assignment,
        hyperparameters=model.hyperparameters,
        seed=seed,
    )


def best_uniform(search: Search, trained: Mapping[str, Sequence[Training]]) -> str:
    """Return the name of the uniform assignment with the best mean on the selection seeds.

    Seeds in which a training raised are left out. Where none trains, but the original does, it is the first
    that diverges: the comparison then counts its divergence.

    Args:
        search: The search.
        trained: The trainings by label.

    Raises:
        SearchFailedError: Neither one of them nor the original trained to a finite value on every seed.
    """
    sign = 1.0 if search.settings.minimize else -1.0
    uniform = [name for name in trained if name not in (ORIGINAL, SELECTED)]
    means = {name: sign * mean(trained[name]) for name in uniform}
    finite = {name: value for name, value in means.items() if math.isfinite(value)}
    if not finite and math.isfinite(mean(trained[ORIGINAL])):
        return next((name for name in uniform if not all(t.raised for t in trained[name])), uniform[0])
    if not finite:
        raise SearchFailedError(_nothing_finite(search))
    return min(finite, key=finite.__getitem__)


def _nothing_finite(search: Search) -> str:
    trained = list(search.ledger.of("baseline"))
    raised = [training for training in trained if training.raised]
    said = f"No baseline reached a finite {search.settings.monitor} on every selection seed"
    if not raised:
        return f"{said}. Lower the learning rate, or check the model."
    first = raised[0]
    return (
        f"{said}: {len(raised)} of {len(trained)} trainings raised, the first "
        f"({first.label}, seed {first.seed}) with {first.error}. Correct that, then resume the run."
    )
