"""Baselines: the original and every uniform assignment, raced on seeds of the search for its study to see."""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from autoact.errors import SearchFailedError
from autoact.records import Phase, Training
from autoact.search.phases._remaining import out_of_time
from autoact.search.setup import RACED
from autoact.search.study import ORIGINAL, Search, Study
from autoact.spaces import Assignment


def baseline_assignments(search: Search) -> dict[str, Assignment]:
    """Return the original and every uniform assignment by name."""
    variables = search.variables
    return {ORIGINAL: variables.original} | {name: variables.uniform(name) for name in variables.names}


def race_baselines(search: Search, study: Study, models: Mapping[str, Training]) -> None:
    """Train models on the first seed of the search, the better half on the second, and tell its study.

    Args:
        search: The search.
        study: Its study.
        models: A training of each by label, which says what to train and with which hyperparameters.

    Raises:
        SearchFailedError: The time is over before.
    """
    first = {training.label: training for training in first_of_race(search, models)}
    sign = search.settings.sign
    done = dict(zip(first, _told(search, study, list(first.values())), strict=True))
    ranked = sorted(first, key=lambda label: (not done[label].usable, sign * done[label].selection))
    second = search.seeds.trial(RACED - 1)
    better = ranked[: search.counts.better]
    _told(search, study, [again(models[label], "baseline", label, second) for label in better])


def first_of_race(search: Search, models: Mapping[str, Training]) -> list[Training]:
    """Return the trainings of different models on the first seed of the search.

    Args:
        search: The search.
        models: A training of each by label.
    """
    different = {models[label].key: label for label in [*models][::-1]}  # equal ones go by the first label
    return [
        again(model, "baseline", label, search.seeds.trial(0))
        for label, model in models.items()
        if different[model.key] == label
    ]


def _told(search: Search, study: Study, asked: list[Training]) -> list[Training]:
    """Do trainings on a seed of the search, and tell its study."""
    done = search.trainings.run(study.numbered(asked), over=search.limit.over)
    study.add(done)
    if len(done) < len(asked):
        raise out_of_time(search, "before the baselines are trained")
    return done


def trained_as(search: Search, model: Training) -> list[Training]:
    """Return the trainings of a model beside the trials: on a seed of the search, and of the selection."""
    return [training for training in search.ledger.of("baseline") if training.key == model.key]


def mean(trainings: Iterable[Training]) -> float:
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


def best_uniform(search: Search, study: Study, models: Mapping[str, Training]) -> str:
    """Return the name of the uniform assignment that is believed to be the best.

    Where none trains, but the original does, it is the first that diverges: the comparison then counts its
    divergence.

    Args:
        search: The search.
        study: Its study.
        models: The baselines by label.

    Raises:
        SearchFailedError: Neither one of them nor the original trained to a finite value on every seed.
    """
    compared = (t.label for t in search.confirmations if t.label in models and t.label != ORIGINAL)
    if (name := next(compared, None)) is not None:
        return name
    uniform = {name: model for name, model in models.items() if name != ORIGINAL}
    ranked = by_belief(search, study, uniform, list(search.ledger.of("baseline")))
    if ranked:
        return ranked[0]
    if not math.isfinite(mean(trained_as(search, models[ORIGINAL]))):
        raise SearchFailedError(_nothing_finite(search))
    raised = {name: all(t.raised for t in trained_as(search, model)) for name, model in uniform.items()}
    return next((name for name in uniform if not raised[name]), next(iter(uniform)))


def by_belief(
    search: Search, study: Study, models: Mapping[str, Training], known: Sequence[Training]
) -> list[str]:
    """Return the names of baselines that never diverged, the one that is believed to be best first.

    Where the study has no values for some, such as models that keep a mixture, all are judged by their means.

    Args:
        search: The search.
        study: Its study.
        models: Baselines by label.
        known: The trainings of baselines that count, beside all trials.
    """
    sign = search.settings.sign
    means = {name: mean(t for t in known if t.key == model.key) for name, model in models.items()}
    finite = [name for name, value in means.items() if math.isfinite(value)]
    found = study.posterior([models[name] for name in finite], known)
    believed = {name: found[models[name].key][0] for name in finite if models[name].key in found}
    values = believed if len(believed) == len(finite) else means
    return sorted(finite, key=lambda name: sign * values[name])


def _nothing_finite(search: Search) -> str:
    trained = list(search.ledger.of("baseline"))
    raised = [training for training in trained if training.raised]
    said = f"No baseline reached a finite {search.settings.monitor} on every seed"
    if not raised:
        return f"{said}. Lower the learning rate, or check the model."
    first = raised[0]
    return (
        f"{said}: {len(raised)} of {len(trained)} trainings raised, the first "
        f"({first.label}, seed {first.seed}) with {first.error}. Correct that, then resume the run."
    )
