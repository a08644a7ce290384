"""Power of a paired comparison: which difference it finds, and how many seeds find a difference."""

import math
from functools import lru_cache

import numpy as np
from scipy import optimize, stats
from scipy.special import ndtr

from autoact.records import LEVEL
from autoact.search.statistics._spread import Spread

_POWER = 0.80
_MOST = 10_000
_NODES = 2000  # of the average over estimated spreads: 1e-4 of the exact effect


def detectable(spread: Spread, level: float) -> float:
    """Return the true difference that is found with 80 % power.

    Args:
        spread: Of the mean difference.
        level: Confidence level of the interval.

    Example:
        >>> round(detectable(Spread(pairs=10, seeds=0.1, degrees=9), 0.95), 3)
        0.996
    """
    if math.isnan(spread.error):
        return math.nan
    return _shift(spread.degrees, level) * spread.error if spread.error else 0.0


def seeds_needed(difference: float, spread: Spread, *, level: float = LEVEL) -> int | None:
    """Return how many paired seeds would find a difference with 80 % power, on the same comparison rows.

    Args:
        difference: The true difference.
        spread: Of the mean difference now.
        level: Confidence level of the interval.

    Returns:
        At least 2; None if it cannot be known, or if it is more than 10,000.

    Example:
        >>> seeds_needed(0.5, Spread(pairs=10, seeds=0.1, degrees=9))
        34
        >>> seeds_needed(0.5, Spread(pairs=10, seeds=0.1, degrees=9, rows=0.1, row_degrees=31)) is None
        True
    """
    if not (math.isfinite(spread.error) and spread.error and difference):
        return None
    if not _finds(_MOST, difference, spread, level):
        return None
    low, high = 1, _MOST
    while high - low > 1:
        middle = math.isqrt(low * high) if high > 2 * low + 2 else (low + high) // 2
        low, high = (low, middle) if _finds(middle, difference, spread, level) else (middle, high)
    return high


def _finds(count: int, difference: float, spread: Spread, level: float) -> bool:
    """Tell whether so many seeds, at least 2, find a difference."""
    seeds = spread.seeds * spread.pairs / count
    degrees, error = float(count - 1), math.sqrt(seeds + spread.rows)
    if spread.rows:
        degrees = error**4 / (seeds**2 / degrees + spread.rows**2 / spread.row_degrees)
    return _shift(degrees, level) * error <= abs(difference)


@lru_cache(maxsize=1 << 14)  # `seeds_needed` asks for the same numbers of pairs again and again
def _shift(degrees: float, level: float) -> float:
    """Return the difference, in standard errors, that is found with 80 % power."""
    quantiles = (np.arange(_NODES) + 0.5) / _NODES
    spreads = np.sqrt(stats.chi2.ppf(quantiles, degrees) / degrees)  # estimated over true s.d.
    thresholds = float(stats.t.ppf((1 + level) / 2, degrees)) * spreads

    def shortfall(shift: float) -> float:
        # Averaged over the spreads, because SciPy's noncentral t is NaN for few degrees and large shifts. The
        # second term, significant with the wrong sign, is part of a two-sided test's power.
        return float(np.mean(ndtr(shift - thresholds) + ndtr(-shift - thresholds))) - _POWER

    upper = 1.0
    while shortfall(upper) < 0:
        upper *= 2
    return float(optimize.brentq(shortfall, 0.0, upper))
