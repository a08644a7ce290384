"""Counts of trainings: what time cuts, trials come first and seeds of the confirmation after them."""

import pytest

from autoact.search.setup import Counts

PLAIN = Counts(one_shot=1, trials=19, baselines=27, confirmation=30)
TUNED = Counts(one_shot=0, trials=10, baselines=9, confirmation=12, tuned=2, least_tuning=4)


@pytest.mark.parametrize("counts", [PLAIN, TUNED])
def test_what_is_cut_fits_and_more_would_not(counts: Counts) -> None:
    seeds = counts.confirmation // 3
    for room in range(counts.total + 5):
        trials, confirmed = counts.cut(room)
        assert 0 <= trials <= counts.trials
        assert 0 <= confirmed <= seeds
        assert trials == 0 or confirmed == seeds
        if confirmed == seeds:
            assert counts.one_shot + trials + counts.after(trials) <= room
            assert trials == counts.trials or counts.one_shot + trials + 1 + counts.after(trials + 1) > room
    assert counts.cut(counts.total) == (counts.trials, seeds)


def test_a_baseline_is_tuned_as_much_as_the_search_was_and_not_less_than_a_least() -> None:
    assert TUNED.tuning_each == 10
    assert TUNED.after(3) == 2 * 4 + 9 + 12
    assert TUNED.after(6) == 2 * 6 + 9 + 12
    assert PLAIN.tuning_each == PLAIN.tuning == 0
