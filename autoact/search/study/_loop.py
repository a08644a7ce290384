"""Trials of a study: ask, train, tell, until budget or time is spent. The one loop of a search."""

from collections.abc import Callable
from concurrent.futures import Future

from autoact.records import Training
from autoact.search.study._context import Search
from autoact.search.study._study import Study
from autoact.search.trainings import Extras, first_finished

_ROUNDING = 1e-9


def run_trials(search: Search, study: Study, budget: float, over: Callable[[], bool] = lambda: False) -> None:
    """Train what a study asks for.

    A trial that is interrupted by anything is in no ledger, so that a later process asks for it again.

    Args:
        search: The search.
        study: What is asked and told.
        budget: Full trainings that the study may cost, those that are done included.
        over: Tells whether no further training may start.
    """
    running: dict[Future[Training], Training] = {}
    while True:
        while _room(search, study, budget, len(running)) and not over():
            asked, pruning = study.ask()
            running[search.trainings.start(asked, Extras(pruning=pruning))] = asked
        if not running:
            return
        for future in first_finished(running):
            del running[future]
            study.tell(search.trainings.finish(future))


def _room(search: Search, study: Study, budget: float, running: int) -> bool:
    return running < search.trainings.workers and study.spent + running + 1 <= budget + _ROUNDING
