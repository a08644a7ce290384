r"""Looks at paired seeds: one error over all of them, and a stop where more seeds would not decide.

The error is spent in proportion to the information, which is 1 over the variance of the mean difference: to
the seeds, unless comparison rows matter (Lan and DeMets, Biometrika 70, 1983, $\alpha(t) = \alpha t$). At
every look the t statistic is judged at the level that is due; levels follow from the joint normal law of
means at several looks, where crossings of the other side are neglected. t statistics of few seeds hang
together a little less than means do, so that they err up to 1.06 times as often: of the error, `SPENT` is
spent (scripts/benchmarks/verdict/looks.py --spent 1).
"""

import math
from functools import lru_cache, partial
from itertools import pairwise

import numpy as np
from scipy import optimize, stats
from scipy.special import ndtr, ndtri

from autoact.records import LEVEL, Comparison

SPENT = 0.94  # of the error, where there are several looks
HOPELESS = 0.2  # probability of a decision below which more seeds are not worth their trainings
_POINTS = 401  # of the grid on which densities are integrated: 1e-6 of a level
_FAR = 8.0  # standard deviations where a density ends
_STEP = 0.05  # of the share of rows, so that few levels are computed
_SMALLEST = 1e-12  # level below which p values are not told apart


@lru_cache(maxsize=1024)
def levels(
    looks: tuple[int, ...], level: float, spent: float = SPENT, rows: float = 0.0
) -> tuple[float, ...]:
    """Return the two-sided level at which each look is judged, so that all of them err as often as one test.

    Args:
        looks: Paired seeds at each look, growing; the last are the most that were planned.
        level: Confidence over all looks.
        spent: Share of the error that is spent, where there are several looks.
        rows: What comparison rows are of the variance at the last look: no seeds lower that.

    Example:
        >>> [round(each, 4) for each in levels((5, 10, 20, 40), 0.95)]
        [0.9941, 0.9927, 0.9855, 0.9701]
        >>> levels((10,), 0.95)
        (0.95,)
    """
    if len(looks) == 1:
        return (level,)
    bounds = _bounds(tuple(_information(n, looks[-1], rows) for n in looks), spent * (1 - level) / 2)
    return tuple(float(1 - 2 * ndtr(-bound)) for bound in bounds)


def share_of_rows(seeds: float, rows: float, pairs: int, looks: tuple[int, ...]) -> float:
    """Return what comparison rows will be of the variance at the last look, in steps of 5 %, at most 95 %.

    Args:
        seeds: Variance of the mean over the seeds so far.
        rows: Variance over rows.
        pairs: Seeds so far.
        looks: Paired seeds at each look that was planned, growing.

    Example:
        >>> share_of_rows(1.0, 0.5, 5, (5, 10))
        0.5
    """
    if not rows > 0:
        return 0.0
    share = rows / (seeds * pairs / max(looks[-1], pairs) + rows)
    return min(math.floor(share / _STEP + 1e-9), round(1 / _STEP) - 1) * _STEP


def _information(seeds: int, last: int, rows: float) -> float:
    """Return the information after some seeds, as a share of that at the last look."""
    return 1 / ((1 - rows) * last / seeds + rows)


def repeated_p_value(looks: tuple[int, ...], p_value: float, made: int, rows: float = 0.0) -> float:
    """Return a p value over looks: the least error at which the last one that was made decides.

    It agrees with the interval of that look: the smaller one of an earlier look is not kept.

    Args:
        looks: Paired seeds at each look that was planned, growing.
        p_value: Two-sided p value of the t statistic at the last look that was made.
        made: How many looks were made, at least 1.
        rows: As in `levels`.

    Example:
        >>> repeated_p_value((10,), 0.03, 1)
        0.03
        >>> round(repeated_p_value((5, 10, 20, 40), 0.01, 2), 3)
        0.068
    """
    if len(looks) == 1 or math.isnan(p_value) or p_value == 1:
        return p_value

    def decides(error: float) -> bool:
        return p_value <= 1 - levels(looks, 1 - error, rows=rows)[made - 1]

    if not decides(1 - _SMALLEST):
        return 1.0
    low, high = math.log(_SMALLEST), 0.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (low, middle) if decides(math.exp(middle)) else (middle, high)
    return math.exp(high)


def is_hopeless(found: Comparison, looks: tuple[int, ...], seeds: int) -> bool:
    """Tell whether more seeds would hardly decide a comparison that has decided nothing.

    Args:
        found: The comparison so far, over all looks.
        looks: Paired seeds at each look that was planned, growing.
        seeds: Seeds so far: one of the looks.

    Example:
        >>> near = Comparison(name="a", difference=0.1, ci95=(-3, 3.2), p_value=0.9, detectable=3, pairs=20)
        >>> is_hopeless(near, (5, 10, 20, 40), 20)
        True
    """
    low, high = found.ci95
    if found.pairs < 2 or math.isnan(low):
        return seeds >= looks[-1]
    if high == low:  # the models are the same
        return True
    share, degrees = 0.0, found.pairs - 1.0
    if found.rows is not None and found.rows.unknown is None:
        share, degrees = found.rows.share, found.rows.degrees
    rows = share_of_rows(1 - share, share, found.pairs, looks)
    due = levels(looks, found.level, rows=rows)[looks.index(seeds)]
    half = float(stats.t.ppf((1 + due) / 2, degrees))
    statistic = abs(found.difference) / ((high - low) / 2) * half
    p_value = float(2 * stats.t.sf(statistic, degrees))
    return bool(hopeless(np.array(p_value), looks, seeds, rows))


def hopeless(p_values: np.ndarray, looks: tuple[int, ...], seeds: int, rows: float = 0.0) -> np.ndarray:
    """Tell where more seeds would hardly decide, even if effects are one deviation above their estimates.

    Stopping for it is a choice: no error grows by it.

    Args:
        p_values: Two-sided p values of t tests, any shape.
        looks: Paired seeds at each look that was planned, growing.
        seeds: Seeds so far: one of the looks.
        rows: As in `levels`.

    Returns:
        Whether the last look would decide with a probability below 0.2; true where it is the last.

    Example:
        >>> hopeless(np.array([0.9, 0.1]), (5, 10, 20, 40), 20)
        array([ True, False])
    """
    share = _information(seeds, looks[-1], rows)
    if seeds >= looks[-1]:
        return np.ones(p_values.shape, dtype=bool)
    seen = -ndtri(np.maximum(p_values, _SMALLEST) / 2)
    bound = -float(ndtri((1 - levels(looks, LEVEL, rows=rows)[-1]) / 2))
    expected = seen * math.sqrt(share) + (seen + 1) / math.sqrt(share) * (1 - share)
    chance: np.ndarray = ndtr((expected - bound) / math.sqrt(1 - share))
    return chance < HOPELESS


@lru_cache(maxsize=4096)
def _bounds(shares: tuple[float, ...], error: float) -> tuple[float, ...]:
    """Return normal quantiles, one per look, that noise crosses upwards with the error spent until then.

    Args:
        shares: Information at each look, growing to 1.
        error: One-sided.
    """
    found = [-float(ndtri(error * shares[0]))]
    nodes, density = _grid(found[0] * math.sqrt(shares[0]), math.sqrt(shares[0]))
    weights = density * _normal(nodes / math.sqrt(shares[0])) / math.sqrt(shares[0])
    for before, now in pairwise(shares):
        spread, due = math.sqrt(now - before), error * (now - before)

        crossed = partial(_crossed, nodes, weights, math.sqrt(now), spread, due)
        found.append(float(optimize.brentq(crossed, -1.0, 2 * _FAR, xtol=1e-9)))
        further, widths = _grid(found[-1] * math.sqrt(now), math.sqrt(now))
        steps = (further[:, None] - nodes) / spread
        weights = widths * (_normal(steps) / spread @ weights)
        nodes = further
    return tuple(found)


def _crossed(
    nodes: np.ndarray, weights: np.ndarray, deviation: float, spread: float, due: float, bound: float
) -> float:
    """Return by how much a bound is crossed more often than is due."""
    return float(weights @ ndtr((nodes - bound * deviation) / spread)) - due


def _grid(upper: float, deviation: float) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and widths of an integral up to a bound."""
    points, widths = _legendre()
    lower = min(-_FAR * deviation, upper - deviation)
    half = (upper - lower) / 2
    return lower + half * (points + 1), half * widths


@lru_cache(maxsize=1)
def _legendre() -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(_POINTS)


def _normal(z: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
