"""Earlier verdicts of a run that went on searching after its choice was compared, rebuilt from the ledger."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from autoact.records import EarlierVerdict, Training, confidence
from autoact.search.setup import seeds_for
from autoact.search.statistics import compare_trainings
from autoact.search.study import ORIGINAL, SELECTED, Search
from autoact.search.trainings import ModelTask


def earlier(search: Search) -> Iterator[EarlierVerdict]:
    """Yield the verdict of every question before the present one, as it was when it was last looked at."""
    for number, question in enumerate(search.questions[:-1], 1):
        if question.looks:
            settings = replace(search.settings, seeds=question.looks[-1], looks=None)
            seeds = seeds_for(settings, question.begins).confirmation
            trained = [t for t in search.ledger.of("confirmation") if t.seed in seeds]
            yield _verdict(search, trained, seeds, question.planned, confidence(number))


def _verdict(
    search: Search, trained: Sequence[Training], seeds: Sequence[int], looks: Sequence[int], level: float
) -> EarlierVerdict:
    ours = {t.seed: t for t in trained if t.label == SELECTED}
    theirs = {t.seed: t for t in trained if t.label == ORIGINAL} or ours  # one model is trained once
    found = compare_trainings(
        [ours[seed] for seed in seeds],
        [theirs[seed] for seed in seeds],
        search.settings.direction,
        looks=looks,
        level=level,
        has_rows=isinstance(search.trainings.task, ModelTask),
    )
    return EarlierVerdict(
        seeds=tuple(seeds),
        assignment=ours[seeds[0]].activations,
        difference=found.difference,
        ci95=found.ci95,
        level=level,
        verdict=found.verdict,
    )
