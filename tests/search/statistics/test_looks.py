"""Looks at paired seeds err as one test does, and stop where more would not decide."""

import math

import numpy as np
import pytest
from scipy import stats

from autoact.records import Comparison
from autoact.search.setup import looks_until
from autoact.search.statistics import compare, hopeless, is_hopeless, levels
from scripts.benchmarks.verdict import looks as script
from scripts.benchmarks.verdict.looks import DRAWN, differences, lower_bound, outcomes

LOOKS = 5, 10, 20, 40
NOTHING = "no significant difference"
REPETITIONS = 100_000


def compared(gains: np.ndarray, looks: tuple[int, ...]) -> Comparison:
    """Return the comparison of a model with these gains over one whose values are 0."""
    return compare(gains.tolist(), [0.0] * len(gains), "max", looks=looks)


@pytest.mark.slow
@pytest.mark.parametrize("kind", DRAWN)
@pytest.mark.parametrize("looks", [LOOKS, (5, 10, 20), (5, 10), (2, 4, 8), (10,)])
def test_noise_is_called_an_effect_no_more_often_than_by_one_test(kind, looks):
    gains = differences(np.random.default_rng(0), kind, REPETITIONS, looks[-1], 0.0)
    better, worse, _ = outcomes(gains, looks, stops=False)
    assert lower_bound(better, REPETITIONS) <= 0.025
    assert lower_bound(worse, REPETITIONS) <= 0.025


@pytest.mark.slow
def test_three_fixed_tests_would_err_more_often():
    gains = differences(np.random.default_rng(0), "normal", REPETITIONS, 40, 0.0)
    hit = np.zeros(REPETITIONS, dtype=bool)
    for count in (10, 20, 40):
        hit |= stats.ttest_1samp(gains[:, :count], 0.0, axis=1, alternative="greater").pvalue < 0.025
    assert lower_bound(float(hit.mean()), REPETITIONS) > 0.04


@pytest.mark.slow
def test_power_and_seeds():
    found = {
        effect: outcomes(differences(np.random.default_rng(2), "normal", 4000, 40, effect), LOOKS)
        for effect in (0.0, 0.5, 2.0)
    }
    assert found[0.5][0] > 0.78
    assert found[2.0][0] == 1.0
    assert found[2.0][2] < 10
    assert found[0.0][2] < 32


def test_one_look_is_the_t_test():
    ours, theirs = np.random.default_rng(0).normal((0.0, 0.5), 1.0, (12, 2)).T.tolist()
    once, again = compare(ours, theirs, "min"), compare(ours, theirs, "min", looks=(12,))
    assert once == again
    assert once.p_value == pytest.approx(stats.ttest_rel(ours, theirs).pvalue)


@pytest.mark.slow
def test_interval_and_p_value_agree_at_every_look():
    random = np.random.default_rng(3)
    for _ in range(60):
        gains = random.normal(random.choice([0.0, 0.7, 1.5]), 1.0, 20)
        for count in (5, 10, 20):
            found = compared(gains[:count], (5, 10, 20))
            assert (found.p_value <= 0.05) == (found.ci95[0] > 0 or found.ci95[1] < 0)


def test_an_earlier_look_that_decided_leaves_no_small_p_value_beside_a_later_interval_over_zero():
    gains = np.r_[1.0, 1.1, 0.9, 1.0, 1.05, -1.0, -1.1, -0.9, -1.0, -1.05]
    assert compared(gains[:5], (5, 10)).p_value < 0.001
    last = compared(gains, (5, 10))
    assert (last.verdict, last.p_value) == (NOTHING, 1.0)


@pytest.mark.slow
def test_the_rule_of_a_confirmation_is_that_of_the_simulation():
    gains = differences(np.random.default_rng(4), "normal", 40, 20, 0.6)
    looks, seeds = (5, 10, 20), []
    for row in gains:
        for count in looks:
            found = compared(row[:count], looks)
            if found.verdict != NOTHING or is_hopeless(found, looks, count):
                break
        seeds.append(count)
    assert outcomes(gains, looks)[2] == pytest.approx(np.mean(seeds))
    assert len(set(seeds)) == 3


def test_seeds_beyond_the_last_look_are_judged_like_it():
    gains = np.random.default_rng(5).normal(1.0, 1.0, 8)
    planned = compared(gains[:6], (3, 6))
    more = compared(gains, (3, 6))
    assert more.pairs == 8
    assert planned.pairs == 6
    due = levels((3, 6), 0.95)[1]
    half = stats.t.ppf((1 + due) / 2, 7) * gains.std(ddof=1) / math.sqrt(8)
    assert more.ci95 == pytest.approx((gains.mean() - half, gains.mean() + half))


def test_nothing_is_left_to_see_where_all_differences_are_0():
    same = compare([1.0] * 5, [1.0] * 5, "min", looks=(5, 10, 20))
    assert is_hopeless(same, (5, 10, 20), 5)


def test_what_has_no_interval_goes_on():
    found = Comparison(
        name="a", difference=0.1, ci95=(math.nan, math.nan), p_value=math.nan, detectable=math.nan, pairs=1
    )
    assert not is_hopeless(found, (5, 10), 5)
    assert is_hopeless(found, (5, 10), 10)


def test_the_last_look_leaves_no_hope():
    assert hopeless(np.array([0.06, 0.9]), (5, 10), 10).all()


@pytest.mark.parametrize("seeds", [2, 5, 9, 10, 25, 40])
def test_looks_end_with_the_most_that_may_be_spent(seeds):
    looks = looks_until(seeds)
    assert looks[-1] == seeds
    assert list(looks) == sorted(set(looks))


def test_the_short_run_prints_a_row_for_each_law_and_effect(capsys):
    script.main(["--short", "--most", "10"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + 2 * (len(DRAWN) + 3) + 1
