"""Paired comparison over seeds: do the chosen activations beat a baseline?"""

import math
from collections.abc import Sequence
from functools import lru_cache, partial
from statistics import fmean, stdev

import numpy as np
from scipy import optimize, stats
from scipy.special import ndtr

from autoact.errors import ConfigurationError
from autoact.records import LEVEL, Comparison
from autoact.search.setup import Mode
from autoact.search.statistics._looks import levels, repeated_p_value

POWER = 0.80
_MOST = 10_000
_NODES = 2000  # of the average over estimated spreads: 1e-4 of the exact effect
_RESOLUTION = 2.0**-23  # metrics are float32 means: a smaller relative difference is rounding, not an effect


def compare(
    selected: Sequence[float | None],
    baseline: Sequence[float | None],
    mode: Mode,
    *,
    name: str = "baseline",
    looks: Sequence[int] = (),
    level: float = LEVEL,
) -> Comparison:
    """Compare two models trained on the same seeds: d = mean(selected - baseline), a paired t interval.

    Where the seeds are looked at several times, interval and p value hold over all looks: they may be read at
    each of them, and the last that was read counts.

    Args:
        selected: The metric of the selected model on the comparison data, one value per seed: not finite
            where the training diverged, None where it raised, so that the seed is left out.
        baseline: The baseline's values, in the same order of seeds.
        mode: "min" when a smaller metric is better, "max" when a larger one is.
        name: The baseline's name, carried into the result.
        looks: Numbers of seeds at which the comparison was to be looked at, growing; none: this once. Seeds
            beyond the last are judged like it.
        level: Confidence of the interval, over all looks.

    Returns:
        Difference, interval, p value and detectable difference, oriented so that positive is better.

    Raises:
        ConfigurationError: If the lengths differ, fewer than two seeds came, or the mode is unknown.

    Example:
        >>> result = compare([0.9, 0.8, 0.85, 0.8], [1.0, 1.0, 0.95, 1.1], "min")
        >>> result.verdict, round(result.difference, 4)
        ('improved', 0.175)
        >>> compare([0.9, 0.8, 0.85, 0.8], [1.0, 1.0, 0.95, 1.1], "min", looks=(4, 8)).verdict
        'no significant difference'
    """
    _check(selected, baseline, mode)
    planned = tuple(looks) or (len(selected),)
    sign = 1.0 if mode == "max" else -1.0
    found = list(zip(selected, baseline, strict=True))
    pairs = [(a, b) for a, b in found if a is not None and b is not None]
    rounding = _RESOLUTION * max(
        (abs(value) for pair in pairs for value in pair if math.isfinite(value)), default=0.0
    )
    made = min(sum(n < len(found) for n in planned) + 1, len(planned))
    gains = _gains(found, sign)
    due = levels(planned, level)[made - 1]
    difference, ci95, p_value, detectable = _paired_t(gains, rounding, due)
    return Comparison(
        name=name,
        difference=difference,
        ci95=ci95,
        p_value=repeated_p_value(planned, p_value, made),
        detectable=detectable,
        pairs=len(gains),
        seeds_needed=seeds_needed(difference, detectable, len(gains), level=due),
        selected_diverged=sum(not math.isfinite(a) and math.isfinite(b) for a, b in pairs),
        baseline_diverged=sum(math.isfinite(a) and not math.isfinite(b) for a, b in pairs),
        both_diverged=sum(not math.isfinite(a) and not math.isfinite(b) for a, b in pairs),
        left_out=len(found) - len(pairs),
        level=level,
    )


@lru_cache(maxsize=1 << 14)  # `seeds_needed` asks for up to 10,000 numbers of pairs, again and again
def detectable_effect(pairs: int, *, level: float = LEVEL, power: float = POWER) -> float:
    """Return the true effect, in paired s.d., that a two-sided paired t test finds with the given power.

    Args:
        pairs: Number of paired seeds, at least 2.
        level: Confidence level of the interval.
        power: Probability of finding the effect.

    Example:
        >>> round(detectable_effect(10), 3)
        0.996
    """
    degrees = pairs - 1
    quantiles = (np.arange(_NODES) + 0.5) / _NODES
    spreads = np.sqrt(stats.chi2.ppf(quantiles, degrees) / degrees)  # estimated over true s.d.
    thresholds = float(stats.t.ppf((1 + level) / 2, degrees)) * spreads

    def shortfall(effect: float) -> float:
        # Averaged over the spreads, because SciPy's noncentral t is NaN for few degrees and large shifts. The
        # second term, significant with the wrong sign, is part of a two-sided test's power.
        shift = effect * math.sqrt(pairs)
        return float(np.mean(ndtr(shift - thresholds) + ndtr(-shift - thresholds))) - power

    upper = 1.0
    while shortfall(upper) < 0:
        upper *= 2
    return float(optimize.brentq(shortfall, 0.0, upper))


def seeds_needed(difference: float, detectable: float, pairs: int, *, level: float = LEVEL) -> int | None:
    """Return how many paired seeds would find a difference with 80 % power.

    Args:
        difference: The true difference.
        detectable: What is found with that power now.
        pairs: Seeds now.
        level: Confidence level of the interval.

    Returns:
        At least 2; None if it cannot be known, or if it is more than 10,000.

    Example:
        >>> seeds_needed(0.5, detectable=1.0, pairs=10)
        34
    """
    if pairs < 2 or not (math.isfinite(detectable) and detectable > 0 and difference):
        return None
    effect = partial(detectable_effect, level=level)
    wanted = abs(difference) / detectable * effect(pairs)  # in paired s.d.
    if effect(_MOST) > wanted:
        return None
    count = max(2, round((effect(_MOST) / wanted) ** 2 * _MOST))  # nearly, where there are many
    while count > 2 and effect(count - 1) <= wanted:
        count -= 1
    while effect(count) > wanted:
        count += 1
    return count


def _check(selected: Sequence[float | None], baseline: Sequence[float | None], mode: str) -> None:
    if mode not in ("min", "max"):
        raise ConfigurationError(f"mode is {mode!r}; it must be 'min' or 'max'.")
    if len(selected) != len(baseline):
        raise ConfigurationError(
            f"A paired comparison needs one value per seed of both, got {len(selected)} and {len(baseline)}."
        )
    if len(selected) < 2:
        raise ConfigurationError(f"A paired comparison needs at least 2 seeds, got {len(selected)}.")


def _gains(found: Sequence[tuple[float | None, float | None]], sign: float) -> list[float]:
    """Return the finite differences, positive where the selected model is better."""
    pairs = [(a, b) for a, b in found if a is not None and b is not None]
    return [sign * _gain(a, b) for a, b in pairs if math.isfinite(a) and math.isfinite(b)]


def _gain(value: float, reference: float) -> float:
    difference = value - reference
    return 0.0 if abs(difference) <= _RESOLUTION * max(abs(value), abs(reference)) else difference


def _paired_t(
    gains: Sequence[float], rounding: float, due: float
) -> tuple[float, tuple[float, float], float, float]:
    """Return mean, interval, p value of the t test and detectable difference at the level that is due."""
    if len(gains) >= 2 and not any(gains):
        return 0.0, (0.0, 0.0), 1.0, 0.0
    if _is_constant(gains, rounding):
        # A model that seeds itself trains the same on every seed: one difference, however often repeated.
        return (fmean(gains) if gains else math.nan), (math.nan, math.nan), math.nan, math.nan
    mean, degrees = fmean(gains), len(gains) - 1
    deviation = stdev(gains)
    half = float(stats.t.ppf((1 + due) / 2, degrees)) * deviation / math.sqrt(len(gains))
    p_value = float(2 * stats.t.sf(abs(mean) / (deviation / math.sqrt(len(gains))), degrees))
    return mean, (mean - half, mean + half), p_value, detectable_effect(len(gains), level=due) * deviation


def _is_constant(gains: Sequence[float], rounding: float) -> bool:
    return len(gains) < 2 or max(gains) - min(gains) <= rounding
