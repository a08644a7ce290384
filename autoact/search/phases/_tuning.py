"""Equal tuning: every baseline gets the search's own procedure, with its activations held fixed.

All trials of the search tune the hyperparameters, whatever the activations in them, because its sampler
learns from every one. So a baseline that got fewer would lose to tuning, not to activations.
"""

from collections.abc import Mapping

from autoact.search.stage import Stage
from autoact.search.state import Search
from autoact.search.study import open_study
from autoact.search.trials import repeat_best, run_trials
from autoact.search.tuned import Tuned
from autoact.search.variables import key_of

from autoact.spaces import Assignment

OWN_VALUES = "own values"
FINALISTS_VALUES = "the chosen model's values"


def tune_baselines(search: Search, baselines: Mapping[str, Assignment], finalist: Tuned) -> dict[str, Tuned]:
    """Return every baseline with the hyperparameters that suit it best; without any to search, as it is.

    Each gets as many trials and repeats as the search had, and not less than eight trials for every
    hyperparameter. First come the model's own values and those chosen for the finalist, so that no baseline
    is judged without having tried either; then an even spread over the ranges; the rest refine. A baseline
    with the finalist's activations is the finalist: with values of its own it could only differ by luck.

    Args:
        search: The search, its choice made.
        baselines: Activations by name.
        finalist: The choice.
    """
    if not search.settings.parameters or not search.counts.trials:
        return {name: Tuned(assignment) for name, assignment in baselines.items()}
    tuned = {key_of(finalist.assignment): finalist}
    for name, assignment in baselines.items():
        if key_of(assignment) not in tuned:
            tuned[key_of(assignment)] = _tune(search, name, assignment, finalist)
    return {name: tuned[key_of(assignment)] for name, assignment in baselines.items()}


def _tune(search: Search, name: str, assignment: Assignment, finalist: Tuned) -> Tuned:
    stage = Stage(name, assignment)
    study = open_study(
        search.directory.study_file,
        f"{search.directory.configuration()['study']}-{name}",
        search.variables,
        search.settings,
        search.ledger,
        stage,
    )
    study.enqueue(assignment, OWN_VALUES, search.own)
    if finalist.hyperparameters != search.own:
        study.enqueue(assignment, FINALISTS_VALUES, finalist.hyperparameters)
    spread = search.settings.hyperparameters.spread(search.counts.tuning_trials // 2, search.settings.seed)
    for number, values in enumerate(spread):
        study.enqueue(assignment, f"spread {number}", values)
    run_trials(search, study, stage)
    return repeat_best(search, stage).best() or Tuned(assignment, search.own)
