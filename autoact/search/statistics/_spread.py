r"""Spread of a mean difference: over seeds, and over comparison rows where groups of them were measured.

$d_{sg} = \mu + a_s + b_g + e_{sg}$ is the difference on seed $s$ and group $g$ of rows. The variance of the
mean over seeds holds $a$ and $e$, that over groups $b$ and $e$. Their sum counts $e$ twice, so it is taken
off once (crossed random effects: Searle, Casella and McCulloch 1992, chapter 4):
$V = V_s + \max(0, V_g - V_e)$, with Satterthwaite's degrees of freedom. Groups vary alike, whatever their
weights: $V_g = c \sum_g w_g^2 (d_g - \sum_h w_h d_h)^2$, where $c$ and its degrees of freedom follow from the
weights (Bell and McCaffrey 2002). Of equal ones they are G / (G - 1) and G - 1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import variance

import numpy as np
from scipy import stats

from autoact.records import RowGroups

Groups = tuple[RowGroups | None, RowGroups | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Variance of a mean difference.

    Attributes:
        pairs: Seeds.
        seeds: Variance over seeds, on the same rows; NaN where it cannot be estimated.
        degrees: Of freedom of the whole.
        rows: Variance over rows beside that; 0 where groups of rows differ no more than by chance.
        groups: Of rows.
        row_degrees: Degrees of freedom of the variance over rows.
        grouped: Whether groups are those that were given.
        unknown: Why nothing is known of rows.

    Example:
        >>> Spread(pairs=4, seeds=1.0, degrees=3, rows=3.0, groups=32, row_degrees=31).error
        2.0
    """

    pairs: int
    seeds: float
    degrees: float
    rows: float = 0.0
    groups: int = 0
    row_degrees: float = math.nan
    grouped: bool = False
    unknown: str | None = None

    @property
    def error(self) -> float:
        """Standard error."""
        return math.sqrt(self.seeds + self.rows)

    @property
    def share(self) -> float:
        """What comes from rows, of the variance."""
        return self.rows / (self.seeds + self.rows) if self.rows else 0.0

    def half(self, level: float) -> float:
        """Return half the width of the interval, which rows never make narrower than seeds alone."""
        return max(_half(self.error, self.degrees, level), _half(self._alone, self.pairs - 1, level))

    def half_of_rows(self, level: float) -> float:
        """Return half the width that no number of seeds takes away."""
        return _half(math.sqrt(self.rows), self.row_degrees, level)

    def p_value(self, difference: float) -> float:
        """Return the two-sided p value of a difference."""
        if not self.error:
            return 1.0
        ways = [(self.error, self.degrees), *([(self._alone, self.pairs - 1)] if self.seeds else [])]
        return max(float(2 * stats.t.sf(abs(difference) / error, degrees)) for error, degrees in ways)

    @property
    def _alone(self) -> float:
        """Standard error on the same rows."""
        return math.sqrt(self.seeds)


def _half(error: float, degrees: float, level: float) -> float:
    return float(stats.t.ppf((1 + level) / 2, degrees)) * error if error else 0.0


def spread_of(gains: Sequence[float], rounding: float, groups: Sequence[Groups] | None) -> Spread:
    """Return the spread of the mean of paired differences.

    Args:
        gains: Differences, one per seed.
        rounding: By how much they may differ without being different.
        groups: Both models' values by group of rows, in the same order; None: there are no rows.
    """
    pairs = len(gains)
    if pairs >= 2 and not any(gains):
        return Spread(pairs=pairs, seeds=0.0, degrees=pairs - 1)
    if pairs < 2 or max(gains) - min(gains) <= rounding:
        # A model that seeds itself trains the same on every seed: one difference, however often repeated.
        return Spread(pairs=pairs, seeds=math.nan, degrees=math.nan)
    over_seeds = variance(gains) / pairs
    found = "" if groups is None else differences(groups)
    if isinstance(found, str):
        return Spread(pairs=pairs, seeds=over_seeds, degrees=pairs - 1, unknown=found or None)
    _, rows, degrees = variances(*found)
    return Spread(
        pairs=pairs,
        seeds=over_seeds,
        degrees=float(degrees),
        rows=float(rows),
        groups=found[0].shape[1],
        row_degrees=_of_groups(found[1] / found[1].sum())[1],
        grouped=all(each is not None and each.grouped for pair in groups or () for each in pair),
    )


def variances(gains: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the variance of the mean over seeds, that over rows beside it, and the degrees of their sum.

    Args:
        gains: Differences by seed and group of rows, (..., S, G); at least two of each.
        weights: Of the groups, (G,).

    Example:
        >>> seeds, rows, _ = variances(np.array([[1.0, 3.0], [2.0, 4.0]]), np.ones(2))
        >>> float(seeds), float(rows)
        (0.25, 1.0)
    """
    seeds = gains.shape[-2]
    share = weights / weights.sum()
    by_seed, by_group = gains @ share, gains.mean(-2)
    mean = by_seed.mean(-1)
    left = gains - by_seed[..., None] - by_group[..., None, :] + mean[..., None, None]
    few, free = _of_groups(share)
    over_seeds = by_seed.var(-1, ddof=1) / seeds
    over_rows = few * ((share * (by_group - mean[..., None])) ** 2).sum(-1)
    both = few * ((share * left) ** 2).sum((-2, -1)) / (seeds * (seeds - 1))
    rows = np.maximum(over_rows - both, 0.0)
    each = over_seeds**2 / (seeds - 1) + over_rows**2 / free + both**2 / (seeds - 1) / free
    degrees = np.divide(
        (over_seeds + rows) ** 2, each, out=np.full_like(rows, seeds - 1.0), where=(rows > 0) & (each > 0)
    )
    return over_seeds, rows, degrees


def _of_groups(share: np.ndarray) -> tuple[float, float]:
    """Return what makes the variance over groups unbiased, and its degrees of freedom."""
    square, cube = (share**2).sum(), (share**3).sum()
    trace = square - 2 * cube + square**2
    from_mean = np.eye(len(share)) - share
    form = from_mean.T @ np.diag(share**2) @ from_mean
    return float(square / trace), float(trace**2 / (form**2).sum())


def differences(groups: Sequence[Groups]) -> tuple[np.ndarray, np.ndarray] | str:
    """Return differences by seed and group of rows, (S, G), and weights, (G,); or why there are none.

    Args:
        groups: Both models' values by group of rows, one pair per seed.
    """
    known = [each for pair in groups for each in pair if each is not None]
    if len(known) < 2 * len(groups):
        return "values by batch were not kept"
    for each in known:
        if each.unknown is not None:
            return each.unknown
    if len({(each.data, each.weights) for each in known}) > 1:
        return (
            "the comparison rows, or their order, differ between trainings; do not shuffle them, or give "
            "their loader a torch.Generator"
        )
    values = np.array([each.values for each in known])
    return values[0::2] - values[1::2], np.array(known[0].weights)
