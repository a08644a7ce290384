"""The paired comparison agrees with SciPy and says only what the interval allows."""

import json
import math

import numpy as np
import pytest
from scipy import stats

from autoact.errors import ConfigurationError
from autoact.records import Comparison
from autoact.search.setup import Settings
from autoact.search.statistics import Spread, compare, detectable, seeds_needed

BETTER = [0.81, 0.84, 0.79, 0.88, 0.83]
WORSE = [0.90, 0.91, 0.93, 0.95, 0.86]
NAN, INF = math.nan, math.inf


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("mode", ["min", "max"])
def test_numbers_equal_scipy(seed: int, mode: str) -> None:
    generator = np.random.default_rng(seed)
    selected = generator.normal(0.1, 1.0, 10).tolist()
    baseline = generator.normal(0.0, 1.0, 10).tolist()
    reference = stats.ttest_rel(selected, baseline) if mode == "max" else stats.ttest_rel(baseline, selected)
    interval = reference.confidence_interval(0.95)
    result = compare(selected, baseline, mode)  # type: ignore[arg-type]
    assert result.p_value == pytest.approx(reference.pvalue, rel=1e-12)
    assert result.ci95 == pytest.approx((interval.low, interval.high), rel=1e-12)
    assert result.difference == pytest.approx(sum(result.ci95) / 2, rel=1e-12)
    assert result.pairs == 10


def test_known_vector() -> None:
    result = compare([1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 2.0, 2.0], "max")
    # Differences 1, 2, 1, 2: mean 1.5, s.d. 1/sqrt(3), t(0.975, 3) = 3.182446.
    assert result.difference == 1.5
    assert result.ci95 == pytest.approx((0.581307, 2.418693), abs=1e-6)
    assert result.p_value == pytest.approx(0.013847, abs=1e-6)


def test_orientation_follows_the_mode() -> None:
    assert compare(BETTER, WORSE, "min").verdict == "improved"
    assert compare(WORSE, BETTER, "min").verdict == "worse"
    assert compare(BETTER, WORSE, "max").verdict == "worse"
    assert compare(BETTER, WORSE, "min").difference == pytest.approx(
        -compare(BETTER, WORSE, "max").difference
    )


def test_an_interval_that_touches_zero_is_no_difference() -> None:
    def judged(low: float, high: float) -> str:
        middle = (low + high) / 2
        return Comparison(
            name="b", difference=middle, ci95=(low, high), p_value=0.05, detectable=1.0, pairs=10
        ).verdict

    assert judged(0.0, 1.0) == judged(-1.0, 0.0) == judged(-1.0, 1.0) == "no significant difference"
    assert judged(1e-9, 1.0) == "improved"
    assert judged(-1.0, -1e-9) == "worse"


def test_the_same_model_twice_is_no_difference() -> None:
    result = compare(BETTER, BETTER, "min")
    assert (result.difference, result.ci95, result.p_value, result.detectable) == (0.0, (0.0, 0.0), 1.0, 0.0)
    assert result.verdict == "no significant difference"


def test_rounding_is_not_an_effect() -> None:
    rounded = [value * (1 + 1e-9) for value in BETTER]
    assert compare(rounded, BETTER, "max").verdict == "no significant difference"


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize(
    ("selected", "baseline"),
    [
        ([0.9] * 10, [0.8] * 10),
        ([0.9] * 2, [0.8] * 2),
        ([2.0, 3.0, 4.0], [1.0, 2.0, 3.0]),
        ([0.9, 0.9 * (1 + 1e-8), 0.9], [0.8] * 3),
    ],
)
def test_without_spread_over_seeds_there_is_no_interval(
    selected: list[float], baseline: list[float], mode: str
) -> None:
    result = compare(selected, baseline, mode)  # type: ignore[arg-type]
    assert result.verdict == "no significant difference"
    content = result.to_dict()
    assert (content["ci95"], content["p_value"], content["detectable"]) == ([None, None], None, None)
    assert abs(content["difference"]) == pytest.approx(selected[0] - baseline[0])


def test_pairs_that_are_not_finite_are_left_out_and_counted() -> None:
    result = compare([*BETTER, NAN, 0.8, INF], [*WORSE, 0.9, -INF, NAN], "min")
    assert (result.pairs, result.selected_diverged, result.baseline_diverged) == (5, 1, 1)
    assert result.both_diverged == result.to_dict()["both_diverged"] == 1
    assert result.ci95 == compare(BETTER, WORSE, "min").ci95


def test_a_selected_that_diverges_is_never_improved() -> None:
    assert compare([*BETTER, NAN], [*WORSE, 0.9], "min").verdict == "no significant difference"
    assert compare([*WORSE, NAN], [*BETTER, 0.9], "min").verdict == "worse"


@pytest.mark.parametrize(
    ("selected", "baseline"),
    [
        ([NAN, NAN, NAN], [0.1, 0.2, 0.3]),
        ([0.1, 0.2, 0.3], [NAN, INF, NAN]),
        ([0.1, 0.2, 0.3], [NAN, INF, 0.9]),
        ([NAN, INF, 0.9], [0.1, 0.2, 0.3]),
        ([NAN, NAN], [NAN, NAN]),
        ([0.1, NAN], [0.2, NAN]),
    ],
)
def test_fewer_than_two_pairs_decide_nothing(selected: list[float], baseline: list[float]) -> None:
    result = compare(selected, baseline, "min")
    assert result.verdict == "no significant difference"
    assert result.to_dict()["ci95"] == [None, None]
    json.dumps(result.to_dict(), allow_nan=False)


def detectable_effect(pairs: int) -> float:
    """Return the effect, in paired s.d., that so many seeds find."""
    return detectable(Spread(pairs=pairs, seeds=1 / pairs, degrees=pairs - 1), 0.95)


def test_detectable_difference_is_found_in_80_percent() -> None:
    # The number in contract.md: ten seeds find an effect of one paired s.d. in 80 %.
    assert detectable_effect(10) == pytest.approx(1.0, abs=0.01)
    generator = np.random.default_rng(0)
    samples = generator.normal(detectable_effect(10), 1.0, (4000, 10))
    found = np.asarray(stats.ttest_1samp(samples, 0.0, axis=1).pvalue) < 0.05
    assert found.mean() == pytest.approx(0.80, abs=0.02)


@pytest.mark.parametrize("pairs", [2, 3, 5, 30, 200])
def test_more_seeds_see_smaller_differences(pairs: int) -> None:
    assert detectable_effect(pairs) > detectable_effect(pairs + 1) > 0


def test_detectable_scales_with_the_spread() -> None:
    small = compare([1.0, 2.0, 3.0], [1.5, 1.0, 3.5], "max").detectable
    large = compare([10.0, 20.0, 30.0], [15.0, 10.0, 35.0], "max").detectable
    assert large == pytest.approx(10 * small, rel=1e-12)


@pytest.mark.parametrize(
    ("selected", "baseline", "mode", "message"),
    [
        ([1.0, 2.0], [1.0], "min", "got 2 and 1"),
        ([1.0], [1.0], "min", "at least 2 seeds, got 1"),
        ([1.0, 2.0], [1.0, 2.0], "up", "'up'; it must be 'min' or 'max'"),
    ],
)
def test_bad_arguments(selected: list[float], baseline: list[float], mode: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        compare(selected, baseline, mode)  # type: ignore[arg-type]


def clopper_pearson_upper(found: int, of: int, level: float) -> float:
    return float(stats.beta.ppf(level, found + 1, of - found))


@pytest.mark.slow
@pytest.mark.parametrize("tails", ["normal", "heavy", "skewed"])
def test_noise_is_called_improved_in_5_percent_at_most(tails: str) -> None:
    """The bar: the upper 99 % bound of the rate is 5 % or less, whatever was chosen on other seeds."""
    generator, replays = np.random.default_rng(7), 1500
    sizes = (2, replays, Settings(monitor="val_loss").seeds)
    values = {
        "normal": generator.normal(size=sizes),
        "heavy": generator.standard_t(3, size=sizes),
        "skewed": generator.exponential(size=sizes),
    }[tails]
    verdicts = [compare(ours, theirs, "min").verdict for ours, theirs in zip(*values.tolist(), strict=True)]
    for verdict in ("improved", "worse"):
        assert clopper_pearson_upper(verdicts.count(verdict), replays, 0.99) <= 0.05


@pytest.mark.slow
def test_the_default_seeds_find_one_standard_deviation_in_80_percent() -> None:
    seeds = Settings(monitor="val_loss").seeds
    generator = np.random.default_rng(1)
    found = 0
    for _ in range(2000):
        shared = generator.normal(size=seeds)  # what a seed does to both models
        gains = generator.normal(1.0, 1.0, size=seeds)
        found += compare((shared - gains).tolist(), shared.tolist(), "min").verdict == "improved"
    assert found / 2000 >= 0.80 - 2 * math.sqrt(0.8 * 0.2 / 2000)


@pytest.mark.parametrize("pairs", [2, 3, 9, 10, 11])
def test_too_few_seeds_do_not_decide(pairs: int) -> None:
    assert compare([0.1 * n for n in range(pairs)], [0.0] * pairs, "max").decides == (pairs >= 10)


def test_seeds_needed_find_the_difference_in_80_percent() -> None:
    generator = np.random.default_rng(3)
    values = generator.normal(0.5, 1.0, 6)
    result = compare(values.tolist(), [0.0] * 6, "max")
    needed = result.seeds_needed
    assert needed is not None
    effect = abs(values.mean()) / values.std(ddof=1)
    assert detectable_effect(needed) <= effect < detectable_effect(needed - 1)
    assert compare([1.0, 2.0], [1.0, 2.0], "min").seeds_needed is None
    assert seeds_needed(1e-9, Spread(pairs=10, seeds=0.1, degrees=9)) is None
