"""Trials of a study: ask, train, tell, until budget or time is spent. The one loop of a search."""

from collections.abc import Sequence

from autoact.records import Training
from autoact.search.study._context import Search
from autoact.search.study._study import Study
from autoact.search.trainings import NO_EXTRAS, Extras, Job, Over, never

_ROUNDING = 1e-9


def run_trials(
    search: Search, study: Study, budget: float, over: Over = never, beside: Sequence[Training] = ()
) -> None:
    """Train what a study asks for, in rounds that fill a stack.

    A trial that is interrupted by anything is in no ledger, so that a later process asks for it again.

    Args:
        search: The search.
        study: What is asked and told.
        budget: Full trainings that the study may cost, those that are done included.
        over: Tells whether no further training may start.
        beside: Trainings that the study is told of afterwards, by whoever asks for them; they may be done in
            the stack of its first trials, if that is all of these.
    """

    def more(running: int, trained: int) -> Job:
        left = int(budget - study.spent - trained + _ROUNDING)
        if left < 1 or not (size := search.trainings.fitting(_round(search, study, left, running), over)):
            return [], NO_EXTRAS
        first = not study.trainings and size == left and search.trainings.workers == 1
        asked = [study.ask() for _ in range(size)]
        trainings = [training for training, _ in asked]
        room = search.trainings.stack.size - size
        if first and len(beside) <= room and _all_fit(search, size + len(beside), over):
            trainings += study.numbered(beside)
        return trainings, Extras(pruning=asked[0][1])

    def tell(training: Training) -> None:
        if training.phase == study.phase:
            study.tell(training)

    search.trainings.do(more, tell, over)


def _all_fit(search: Search, count: int, over: Over) -> bool:
    return search.trainings.fitting(count, over) == count


def _round(search: Search, study: Study, left: int, running: int) -> int:
    """Return how many trials to ask for at once; those with hyperparameters of their own train alone.

    The first fill a stack: as long as nothing is told, waiting would teach little.
    """
    stack = search.trainings.stack
    most = 1 if search.settings.parameters else stack.round if study.trainings else stack.size
    return search.trainings.share(left, running, most)
