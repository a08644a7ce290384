"""Remaining trainings of a run: what has to fit into its time after the search, and what if it does not."""

import math

from autoact.errors import SearchFailedError
from autoact.report import duration
from autoact.search.study import Search


def reserved(search: Search, beside: int = 0) -> int:
    """Return the trainings that have to fit into the time after one more trial.

    Args:
        search: The search.
        beside: Trials that are asked for with it.
    """
    trials = search.ledger.count("trial") + 1 + beside // search.trainings.workers
    beside += search.trainings.workers - 1  # that are being done
    return beside + remaining(search, trials)


def remaining(search: Search, trials: int) -> int:
    """Return the trainings that are left after a search of so many trials, at most."""
    counts = search.counts
    tuned, trained = (search.ledger.count(phase) for phase in ("tuning", "baseline"))
    tuning = counts.after(trials) - counts.baselines - counts.confirmation
    earlier = (len(search.questions) - 1) * counts.selected_from * search.settings.selection_seeds
    baselines = max(counts.baselines + earlier - trained, 0)
    return max(tuning - tuned, 0) + baselines + counts.confirmation - len(search.confirmations)


def out_of_time(search: Search, done: str) -> SearchFailedError:
    """Return the error of a run whose hours are over before its verdict; everything is kept.

    Args:
        search: The search.
        done: How far it came.
    """
    left = remaining(search, search.ledger.count("trial"))
    return SearchFailedError(
        f"The hours are over {done}: about {left} trainings are left, "
        f"{duration(left * search.limit.seconds / search.trainings.workers)}. {go_on(search, left)}"
    )


def go_on(search: Search, left: int) -> str:
    """Return what does what is left.

    Args:
        search: The search.
        left: Trainings that are left.
    """
    hours = 1.2 * left * search.limit.seconds / search.trainings.workers / 3600
    return f"Go on with: {search.directory.resumption(hours=_rounded(hours))}"


def _rounded(hours: float) -> str:
    """Return hours in at most two digits, rounded up.

    Example:
        >>> _rounded(0.0123), _rounded(1.21), _rounded(0.0)
        ('0.013', '1.3', '0.01')
    """
    digits = 10.0 ** (1 - math.floor(math.log10(max(hours, 0.01))))
    return f"{math.ceil(round(max(hours, 0.01) * digits, 6)) / digits:g}"
