"""Choice of the search: the trials, and the model with the best posterior mean."""

from autoact.errors import SearchFailedError
from autoact.records import Training
from autoact.search.phases._one_shot import train_one_shot
from autoact.search.phases._remaining import reserved
from autoact.search.study import ORIGINAL, Domain, Search, Study, run_trials
from autoact.spaces import Assignment

ONE_SHOT_CHOICE = "one-shot choice"


def choose(search: Search) -> Training:
    """Search, and return the training of the model that is chosen.

    Once comparison data were read the search is over, and its trials say what was chosen. Until then it goes
    on as long as budget and time allow, whatever is on disk.

    Raises:
        SearchFailedError: Nothing trains, not even the original.
    """
    _require_mixture(search)
    if search.confirmations:
        study = study_of(search)
        study.export()
        return _chosen(search, study)
    if not any(search.ledger.of("trial")):  # one that failed is tried again only before there are trials
        train_one_shot(search)
    study, derived = study_of(search), _derived(search)
    study.export()
    if derived is not None:
        study.enqueue(ONE_SHOT_CHOICE, derived, search.own)
    if derived is None or search.settings.parameters:
        study.enqueue(ORIGINAL, search.variables.original, search.own)
    spent = sum(training.share for training in search.ledger.of("one-shot"))
    run_trials(search, study, search.settings.budget - spent, lambda: search.limit.over(reserved(search)))
    return _chosen(search, study)


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
    if chosen.exists() and search.variables.mixture and not any(search.ledger.of("one-shot")):
        raise search.directory.lacks_trainings(chosen)


def _chosen(search: Search, study: Study) -> Training:
    """Return the choice, which follows from the trainings of the search alone."""
    best, derived = study.best(), _derived(search)
    if best is not None:
        return best
    if derived is not None and not study.trainings:  # the budget was the mixture's
        return Training(phase="trial", label=ONE_SHOT_CHOICE, assignment=derived, seed=search.seeds.search[0])
    original = search.variables.original
    if any(training.assignment == original for training in study.trainings.values()):
        raise SearchFailedError(nothing_finite(search))
    # the budget is spent: the selection seeds tell whether it trains
    return Training(phase="trial", label=ORIGINAL, assignment=original, seed=search.seeds.search[0])


def fell_back(search: Search) -> bool:
    """Tell whether the original was chosen because nothing that was tried trains."""
    tried = list(search.ledger.of("trial")) or list(search.ledger.of("one-shot"))
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
