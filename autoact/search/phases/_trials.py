"""Choice of the search: the trials, and the model with the best posterior mean."""

from autoact.errors import SearchFailedError
from autoact.records import Training
from autoact.search.phases._one_shot import train_one_shot
from autoact.search.study import ORIGINAL, Domain, Search, Study, run_trials
from autoact.spaces import Assignment

ONE_SHOT_CHOICE = "one-shot choice"


def choose(search: Search) -> Training:
    """Search, and return the training of the model that is chosen.

    Raises:
        SearchFailedError: Nothing trains, not even the original.
    """
    one_shot = train_one_shot(search)
    study = study_of(search)
    derived = derived_by(one_shot)
    if derived is not None:
        study.enqueue(ONE_SHOT_CHOICE, derived, search.own)
    if derived is None or search.settings.parameters:
        study.enqueue(ORIGINAL, search.variables.original, search.own)
    spent = one_shot.share if one_shot is not None else 0.0
    run_trials(search, study, search.settings.budget - spent, search.limit.over)
    return _best(search, study, derived) or _original(search)


def study_of(search: Search) -> Study:
    """Return the study of a search, rebuilt from its ledger."""
    one_shot = next(search.ledger.of("one-shot"), None)
    return Study(Domain(search, search.variables.with_derived(derived_by(one_shot))))


def derived_by(one_shot: Training | None) -> Assignment | None:
    """Return what a mixture derived; None without one, or if it diverged."""
    return one_shot.derived if one_shot is not None and one_shot.usable else None


def _best(search: Search, study: Study, derived: Assignment | None) -> Training | None:
    best = study.best()
    if best is None and derived is not None and not study.trainings:  # the budget was the mixture's
        return Training(phase="trial", label=ONE_SHOT_CHOICE, assignment=derived, seed=search.seeds.search[0])
    return best


def _original(search: Search) -> Training:
    """Return the original if it trains though nothing that was tried does."""
    original = search.variables.original
    tried = {training.assignment for training in search.ledger.of("trial")}
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
    what = f"the first raised {errors[0]}" if errors else "all diverged"
    return (
        f"Not one training of the search ended with a finite {search.settings.monitor}: {what}. "
        "Lower the learning rate or clip gradients, then start a new run."
    )
