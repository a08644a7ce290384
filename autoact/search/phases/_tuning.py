"""Equal tuning: every baseline gets the search's own procedure, with its activations held fixed.

All trials of the search tune the hyperparameters, whatever the activations in them, because its surrogate
learns from every one. So a baseline that got fewer would lose to tuning, not to activations.
"""

from collections.abc import Mapping

from autoact.records import Training, model_key
from autoact.search.phases._remaining import out_of_time
from autoact.search.phases._trials import study_of, untuned
from autoact.search.setup import least_tuning
from autoact.search.study import Domain, Search, Study, run_trials
from autoact.spaces import Assignment

OWN_VALUES = "own values"
SELECTED_VALUES = "the selected model's values"


def tune_baselines(
    search: Search, baselines: Mapping[str, Assignment], selected: Training
) -> dict[str, Training]:
    """Return every baseline with the hyperparameters that suit it best; without any to search, as it is.

    Each gets as many trials as the search had, and not less than eight for every hyperparameter. First come
    the model's own values and those of the selected model, so that no baseline is judged without having tried
    either; then an even spread over the ranges; the rest refine. A baseline with the selected activations is
    the selected model, if the search had as many trials as a baseline gets: with values of its own it could
    only differ by luck.

    Args:
        search: The search, its choice made.
        baselines: Activations by name.
        selected: The choice.
    """
    if not search.counts.tuned:
        return untuned(baselines)
    had = search.ledger.count("trial")
    tuned = {model_key(selected.activations): selected} if had >= tuning_trials(search) else {}
    for name, assignment in baselines.items():
        if model_key(assignment) not in tuned:
            tuned[model_key(assignment)] = _tune(search, name, assignment, selected)
    return {name: tuned[model_key(assignment)] for name, assignment in baselines.items()}


def _tune(search: Search, name: str, assignment: Assignment, selected: Training) -> Training:
    study = _study(search, name, assignment)
    study.export()
    study.enqueue(OWN_VALUES, assignment, search.own)
    if selected.hyperparameters != search.own:
        study.enqueue(SELECTED_VALUES, assignment, selected.hyperparameters)
    spread = search.settings.hyperparameters.spread(search.counts.tuning_each // 2, search.settings.seed)
    for number, values in enumerate(spread):
        study.enqueue(f"spread {number}", assignment, values)
    wanted = tuning_trials(search)
    run_trials(search, study, wanted, search.limit.over)
    if search.limit.over() and wanted - study.spent >= 1:
        raise out_of_time(search, "before the baselines are tuned as much as the search was")
    best = study.best()
    if best is not None:
        return best
    return Training(phase="tuning", label=name, assignment=assignment, hyperparameters=search.own, seed=0)


def _study(search: Search, name: str, assignment: Assignment) -> Study:
    return Study(Domain(search, search.variables, fixed=assignment), phase="tuning", label=name)


def export_studies(search: Search) -> None:
    """Write the studies of a search that is done again, where they are not the ledger's."""
    study_of(search).export()
    tuned = {training.label: training.activations for training in search.ledger.of("tuning")}
    for name, assignment in tuned.items():
        _study(search, name, assignment).export()


def tuning_trials(search: Search) -> int:
    """Return how many trials each baseline gets: as many as the search had, though time may have ended it."""
    had = search.ledger.count("trial")
    return max(had, least_tuning(search.settings)) if search.counts.tuned else 0
