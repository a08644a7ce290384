"""Choice of the search: trials and baselines in one study, and the model with the best posterior mean."""

from collections.abc import Mapping

from autoact.errors import SearchFailedError
from autoact.records import Training
from autoact.search.phases._baselines import baseline_assignments, first_of_race, race_baselines
from autoact.search.phases._one_shot import train_one_shot
from autoact.search.phases._remaining import reserved
from autoact.search.setup import FIRST_TRAININGS
from autoact.search.study import ORIGINAL, Domain, Search, Study, run_trials
from autoact.spaces import Assignment

ONE_SHOT_CHOICE = "one-shot choice"


def choose(search: Search) -> Training:
    """Search, and return the training of the model that is chosen.

    The baselines are trained after the first trials; where each is tuned, which takes a choice, after all of
    them. Once comparison data were read the search is over, and its trials say what was chosen. Until then it
    goes on as long as budget and time allow, whatever is on disk.

    Raises:
        SearchFailedError: Nothing trains, not even the original.
    """
    _require_mixture(search)
    if search.confirmations:
        study = study_of(search)
        study.export()
        return choice_of(search, study)
    if not search.ledger.count("trial"):  # one that failed is tried again only before there are trials
        train_one_shot(search)
    study, derived = study_of(search), _derived(search)
    study.export()
    if derived is not None:
        study.enqueue(ONE_SHOT_CHOICE, derived, search.own)
    if derived is None or search.settings.parameters:
        study.enqueue(ORIGINAL, search.variables.original, search.own)
    for earlier in search.settings.earlier:
        taken, _ = search.variables.moved(earlier)
        if taken not in (derived, search.variables.original):  # those are tried anyway
            study.enqueue(f"like {earlier.name}", taken, search.own)
    left = search.settings.planned_budget - sum(training.share for training in search.ledger.of("one-shot"))

    def over(beside: int) -> bool:
        return search.limit.over(reserved(search, beside))

    if not search.counts.tuned:
        baselines = untuned(baseline_assignments(search))
        run_trials(search, study, min(left, FIRST_TRAININGS), over, first_of_race(search, baselines))
        race_baselines(search, study, baselines)
    run_trials(search, study, left, over)
    return choice_of(search, study)


def untuned(baselines: Mapping[str, Assignment]) -> dict[str, Training]:
    """Return a training of each baseline as it is."""
    return {
        name: Training(phase="baseline", label=name, assignment=assignment, seed=0)
        for name, assignment in baselines.items()
    }


def study_of(search: Search) -> Study:
    """Return the study of a search, rebuilt from its ledger."""
    return Study(Domain(search, search.variables.with_derived(_derived(search))))


def _derived(search: Search) -> Assignment | None:
    """Return what the mixture derived; None without one, or if none trained."""
    found = (training.derived for training in search.ledger.of("one-shot") if training.usable)
    derived = next(found, None)
    return None if derived is None else search.variables.of_all(derived)


def _require_mixture(search: Search) -> None:
    """Raise RunDirectoryError if there is a choice without the mixture that comes before it."""
    chosen = search.directory.assignment_file
    if chosen.exists() and search.variables.mixture and not search.ledger.count("one-shot"):
        raise search.directory.lacks_trainings(chosen)


def choice_of(search: Search, study: Study) -> Training:
    """Return the choice, which follows from the trainings of the study alone.

    Raises:
        SearchFailedError: Nothing trains, not even the original.
    """
    derived = _derived(search)
    if derived is not None and not search.ledger.count("trial"):  # the budget was the mixture's
        return Training(phase="trial", label=ONE_SHOT_CHOICE, assignment=derived, seed=search.seeds.search[0])
    best = study.best()
    if best is not None:
        return best
    original = search.variables.original
    tried = [t for t in search.ledger.of("trial", "baseline") if t.assignment == original]
    if tried and not any(training.usable for training in tried):
        raise SearchFailedError(nothing_finite(search))
    # the budget is spent, or no trial can be it: the selection seeds tell whether it trains
    return Training(phase="trial", label=ORIGINAL, assignment=original, seed=search.seeds.search[0])


def fell_back(search: Search) -> bool:
    """Tell whether the original was chosen because nothing else that was tried trains."""
    tried = [t for t in search.ledger.of("trial", "baseline") if t.assignment != search.variables.original]
    return bool(tried) and not any(training.usable for training in tried)


def nothing_finite(search: Search) -> str:
    """Return why a search failed in which nothing trains, and what to do."""
    errors = [training.error for training in search.ledger.of("one-shot", "trial") if training.error]
    if errors:
        what, advice = (
            f"the first raised {errors[0].rstrip('.')}.",
            "Correct that and start a new run.",
        )
    else:
        what, advice = "all diverged.", "Lower the learning rate or clip gradients, then start a new run."
    return f"Not one training of the search ended with a finite {search.settings.monitor}: {what} {advice}"
