"""Choice of the search: the trials, and the model with the best posterior mean."""

from autoact.errors import SearchFailedError
from autoact.records import Training
from autoact.search.phases._one_shot import train_one_shot
from autoact.search.study import ORIGINAL, Domain, Search, Study, run_trials
from autoact.spaces import Assignment

ONE_SHOT_CHOICE = "one-shot choice"


def choose(search: Search) -> Training:
    """Search, and return the training of the model that is chosen.

    Where an earlier process has chosen, the ledger says what: files of the choice may hold a baseline by now.

    Raises:
        SearchFailedError: Nothing trains, not even the original.
    """
    if search.directory.assignment_file.exists():
        return _best(search, study_of(search)) or _original(search)
    train_one_shot(search)
    study, derived = study_of(search), _derived(search)
    if derived is not None:
        study.enqueue(ONE_SHOT_CHOICE, derived, search.own)
    if derived is None or search.settings.parameters:
        study.enqueue(ORIGINAL, search.variables.original, search.own)
    spent = sum(training.share for training in search.ledger.of("one-shot"))
    run_trials(search, study, search.settings.budget - spent, search.limit.over)
    return _best(search, study) or _original(search)


def study_of(search: Search) -> Study:
    """Return the study of a search, rebuilt from its ledger."""
    return Study(Domain(search, search.variables.with_derived(_derived(search))))


def _derived(search: Search) -> Assignment | None:
    """Return what the mixture derived; None without one, or if none trained."""
    return next((training.derived for training in search.ledger.of("one-shot") if training.usable), None)


def _best(search: Search, study: Study) -> Training | None:
    best, derived = study.best(), _derived(search)
    if best is None and derived is not None and not study.trainings:  # the budget was the mixture's
        return Training(phase="trial", label=ONE_SHOT_CHOICE, assignment=derived, seed=search.seeds.search[0])
    return best


def _original(search: Search) -> Training:
    """Return the original if it trains though nothing that was tried does."""
    original = search.variables.original
    tried = {training.assignment for training in search.ledger.of("trial") if training.trial is not None}
    if original not in tried:
        asked = Training(phase="trial", label=ORIGINAL, assignment=original, seed=search.seeds.search[0])
        (done,) = search.trainings.run([asked])
        if done.usable:
            return done
    raise SearchFailedError(_nothing_finite(search))


def fell_back(search: Search) -> bool:
    """Tell whether the original was chosen because nothing that was tried trains."""
    return any(t.trial is None and t.usable for t in search.ledger.of("trial"))


def _nothing_finite(search: Search) -> str:
    errors = [training.error for training in search.ledger.of("one-shot", "trial") if training.error]
    if errors:
        what, advice = (
            f"the first raised {errors[0].rstrip('.')}.",
            "Correct that and start a new run.",
        )
    else:
        what, advice = "all diverged.", "Lower the learning rate or clip gradients, then start a new run."
    return f"Not one training of the search ended with a finite {search.settings.monitor}: {what} {advice}"
