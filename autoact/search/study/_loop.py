"""Trials of a study: ask, train, tell, until budget or time is spent. The one loop of a search."""

from autoact.search.study._context import Search
from autoact.search.study._study import Study
from autoact.search.trainings import NO_EXTRAS, Extras, Job, Over, never

_ROUNDING = 1e-9


def run_trials(search: Search, study: Study, budget: float, over: Over = never) -> None:
    """Train what a study asks for, in rounds that fill a stack.

    A trial that is interrupted by anything is in no ledger, so that a later process asks for it again.

    Args:
        search: The search.
        study: What is asked and told.
        budget: Full trainings that the study may cost, those that are done included.
        over: Tells whether no further training may start.
    """

    def more(running: int, trained: int) -> Job:
        left = int(budget - study.spent - trained + _ROUNDING)
        if left < 1 or not (size := search.trainings.fitting(_round(search, study, left, running), over)):
            return [], NO_EXTRAS
        asked = [study.ask() for _ in range(size)]
        return [training for training, _ in asked], Extras(pruning=asked[0][1])

    search.trainings.do(more, study.tell, over)


def _round(search: Search, study: Study, left: int, running: int) -> int:
    """Return how many trials to ask for at once; those with hyperparameters of their own train alone.

    The first fill a stack: as long as nothing is told, waiting would teach little.
    """
    stack = search.trainings.stack
    most = 1 if search.settings.parameters else stack.round if study.trainings else stack.size
    return search.trainings.share(left, running, most)
