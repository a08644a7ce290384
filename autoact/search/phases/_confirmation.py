"""The phases of a search, in order; each goes on where an earlier process left it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from autoact.search.guided import ORIGINAL, PRIOR_CHOICE, Guided
from autoact.search.ledger import Entry
from autoact.search.recommendation import assignment_of
from autoact.search.record import open_record
from autoact.search.stage import SEARCH_STAGE
from autoact.search.state import Search
from autoact.search.study import open_study
from autoact.search.task import Job
from autoact.search.trials import repeat_best, run_trials
from autoact.search.tuned import Tuned

from autoact.errors import SearchFailedError
from autoact.spaces import Assignment

FINALIST = "finalist"
_TUNED_FROM, _LEAST_EPOCHS = 6, 4  # trainings of budget, epochs of a training


def train_prior(search: Search) -> Assignment | None:
    """Train one mixture of all candidates; return what it derived, None if it diverged or there is none."""
    if not search.variables.mixture:
        return None
    tuning = fine_tuning(search)
    job = Job(
        phase="prior",
        label="prior",
        assignment=None,
        seed=search.seeds.search[0],
        fine_tune=tuning,
        logs=search.directory.tensorboard("prior"),
    )
    (entry,) = search.trainings.run([job])
    return assignment_of(entry.assignment) if entry.usable and entry.assignment else None


def fine_tuning(search: Search) -> float:
    """Return the share of a training that learns a derived model's parameters; nothing of a small budget."""
    trainer = search.settings.trainer
    epochs = trainer.get("max_epochs") or 0
    if search.settings.budget < _TUNED_FROM or not search.guided or epochs < _LEAST_EPOCHS:
        return 0.0
    return float(epochs // 2 / epochs)


def search_guided(search: Search) -> Tuned | None:
    """Search with the policy; return its choice, None if nothing trains."""
    train_prior(search)
    guided = Guided.of(search)
    guided.run(open_record(search))
    return guided.best()


def search_freely(search: Search) -> Tuned | None:
    """Search with TPE, which also knows hyperparameters; return its choice, None if nothing trains."""
    name = search.directory.configuration()["study"]
    study = open_study(search.directory.study_file, name, search.variables, search.settings, search.ledger)
    prior = train_prior(search)
    if prior is not None:
        study.enqueue(prior, PRIOR_CHOICE, search.own)
    study.enqueue(search.variables.original, ORIGINAL, search.own)
    run_trials(search, study, SEARCH_STAGE)
    choice = repeat_best(search, SEARCH_STAGE).best()
    if choice is None and search.counts.trials == 0 and prior is not None:
        return Tuned(prior)
    return choice


def fall_back(search: Search) -> Tuned | None:
    """Return the original if it trains though nothing that was tried does; None if it was tried, too."""
    original = Tuned(search.variables.original, search.own)
    tried = {entry.key for entry in search.ledger.of("trial")}
    if original.key in tried or not search.variables.allows(original.assignment):
        return None
    job = Job(
        phase="reevaluation",
        label=ORIGINAL,
        assignment=original.assignment,
        hyperparameters=original.hyperparameters,
        seed=search.seeds.search[0],
    )
    (entry,) = search.trainings.run([job])
    return original if entry.usable else None


def fell_back(search: Search) -> bool:
    """Tell whether the original was chosen because nothing that was tried trains."""
    return any(entry.label == ORIGINAL and entry.usable for entry in search.ledger.of("reevaluation"))


def baseline_assignments(search: Search) -> dict[str, Assignment]:
    """Return the original and every uniform assignment by name."""
    variables = search.variables
    return {ORIGINAL: variables.original} | {name: variables.uniform(name) for name in variables.names}


def train_baselines(search: Search, models: Mapping[str, Tuned]) -> dict[str, list[float]]:
    """Train every baseline, and the choice of the search, on the selection seeds; return values by name."""
    jobs = [
        Job(
            phase="baseline",
            label=name,
            assignment=model.assignment,
            hyperparameters=model.hyperparameters,
            seed=seed,
        )
        for seed in search.seeds.selection
        for name, model in models.items()
    ]
    entries = search.trainings.run(jobs)
    return {
        name: [entry.selection for entry in entries[place :: len(models)]]
        for place, name in enumerate(models)
    }


def best_uniform(search: Search, values: Mapping[str, Sequence[float]]) -> str:
    """Return the name of the uniform assignment with the best mean on the selection seeds.

    Where none trains, but the original does, it is the first: the comparison then counts its divergence.

    Raises:
        SearchFailedError: Neither one of them nor the original trained to a finite value on every seed.
    """
    sign = 1.0 if search.settings.minimize else -1.0
    uniform = [name for name in values if name not in (ORIGINAL, FINALIST)]
    means = {name: sign * fmean(values[name]) for name in uniform}
    finite = {name: mean for name, mean in means.items() if math.isfinite(mean)}
    if not finite and math.isfinite(fmean(values[ORIGINAL])):
        return next(iter(means))
    if not finite:
        raise SearchFailedError(
            f"No baseline reached a finite {search.settings.monitor} on every selection seed. "
            "Lower the learning rate, or check the model."
        )
    return min(finite, key=finite.__getitem__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """The trainings of the confirmation, one per seed in the order of the seeds."""

    finalist: list[Entry]
    original: list[Entry]
    uniform: list[Entry]


def confirm(search: Search, models: Mapping[str, Tuned]) -> Confirmed:
    """Train finalist, original and best uniform on fresh paired seeds; measure them on comparison data.

    Args:
        search: The search.
        models: The three, in this order, by label.

    Raises:
        SearchFailedError: A model failed on every seed, or the comparison data gave no number at all.
    """
    first = search.seeds.confirmation[0]
    jobs = [
        Job(
            phase="confirmation",
            label=label,
            assignment=model.assignment,
            hyperparameters=model.hyperparameters,
            seed=seed,
            checkpoint=search.directory.checkpoint_file if (label, seed) == (FINALIST, first) else None,
        )
        for seed in search.seeds.confirmation
        for label, model in models.items()
    ]
    entries = search.trainings.run(jobs)
    for place, label in enumerate(models):
        failures = [entry.error for entry in entries[place::3] if entry.state == "failed"]
        if len(failures) == len(search.seeds.confirmation):
            raise SearchFailedError(
                f"Every training of the {label} failed in the confirmation: {failures[0]}"
            )
    confirmed = Confirmed(finalist=entries[0::3], original=entries[1::3], uniform=entries[2::3])
    _require_values(search, [*confirmed.finalist, *confirmed.original])
    return confirmed


def _require_values(search: Search, entries: Sequence[Entry]) -> None:
    """Raise SearchFailedError if neither model of the verdict has a single value on the comparison data."""
    if any(entry.comparison is not None and math.isfinite(entry.comparison) for entry in entries):
        return
    trained = sum(math.isfinite(entry.selection) for entry in entries)
    raise SearchFailedError(
        f"The comparison data gave no finite {search.settings.monitor}, with the chosen activations or the "
        f"original model, on any of {len(search.seeds.confirmation)} seeds; on the selection data {trained} "
        f"of {len(entries)} trainings ended finite. Look for NaN or infinity in the comparison data, correct "
        "them and start a new run."
    )
