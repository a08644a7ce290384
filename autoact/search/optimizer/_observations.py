"""What trainings have shown, on a scale on which one diverged training cannot drown the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from autoact.search.optimizer._kernel import Array, Indices

_USUAL = 3.0  # spreads from the median; what lies beyond is compressed
_BELIEF = 2.0  # values that weigh as much as the belief that a fraction's spread is that of the one before
_DIVERGED = 12.0  # compressed: 8,000 spreads above the center; what lies higher has failed
_WORSE = 0.5  # what a failed training lies above the worst that has not


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """N values of trainings, whole or partial.

    Attributes:
        assignments: Candidate numbers, shape (N, L).
        fractions: Part of a full training after which the value was measured, shape (N,), in (0, 1].
        runs: Which training it was, shape (N,): equal numbers are one training that went on.
        values: The metric, shape (N,), smaller is better; NaN or infinity where the training failed.
        seeds: Random seed of the training, (N,), numbered; None where no two are known to share one.
    """

    assignments: Indices
    fractions: Array
    runs: Indices
    values: Array
    seeds: Indices | None = None

    def __len__(self) -> int:
        return len(self.values)

    def subset(self, rows: Indices) -> Observations:
        """Return some of the observations."""
        return Observations(
            assignments=self.assignments[rows],
            fractions=self.fractions[rows],
            runs=self.runs[rows],
            values=self.values[rows],
            seeds=None if self.seeds is None else self.seeds[rows],
        )


@dataclass(frozen=True, slots=True)
class Scale:
    """Center and spread of the values by fraction.

    Example:
        >>> values = np.array([0.3, 0.4, 0.5, 0.6, 1e9, np.nan])
        >>> seen = Observations(assignments=np.zeros((6, 1), dtype=int), fractions=np.ones(6),
        ...     runs=np.arange(6), values=values)
        >>> scaled = Scale.of(seen).standardize(seen)
        >>> bool(scaled[3] < scaled[4] == scaled[5] < 3)
        True
    """

    centers: Mapping[float, float]
    spreads: Mapping[float, float]

    @classmethod
    def of(cls, seen: Observations) -> Scale:
        """Measure both; what failed has no part in them."""
        finite = np.isfinite(seen.values)
        fractions = sorted(set(seen.fractions.tolist()))
        groups = {f: seen.values[finite & (seen.fractions == f)] for f in fractions}
        centers = {f: float(np.median(group)) if len(group) else 0.0 for f, group in groups.items()}
        spreads: dict[float, float] = {}
        for fraction in fractions:
            group, before = groups[fraction], list(spreads.values())[-1:]
            own = np.log(spread(group))
            weight = len(group) / (len(group) + _BELIEF) if before else 1.0
            spreads[fraction] = float(np.exp(weight * own + (1.0 - weight) * np.log(before or [1.0])[0]))
        return cls(centers, spreads)

    def standardize(self, seen: Observations) -> Array:
        """Return the values on a common scale, shape (N,), none of them infinite."""
        center = np.array([self.centers[f] for f in seen.fractions.tolist()])
        width = np.array([self.spreads[f] for f in seen.fractions.tolist()])
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = squash((seen.values - center) / width)
        usual = np.isfinite(scaled) & (scaled <= _DIVERGED)
        worst = scaled[usual].max() if usual.any() else 0.0
        return np.where(usual, scaled, max(worst, 1.0) + _WORSE)

    def restore(self, mean: Array, deviation: Array) -> tuple[Array, Array]:
        """Return means and standard deviations at the largest fraction in the metric's own units."""
        last = max(self.centers)
        return self.centers[last] + self.spreads[last] * mean, self.spreads[last] * deviation


def squash(scaled: Array) -> Array:
    """Compress logarithmically what lies further than three spreads from the center; keeps the order."""
    beyond = np.maximum(np.abs(scaled) - _USUAL, 0.0)
    return np.asarray(np.sign(scaled) * (np.minimum(np.abs(scaled), _USUAL) + np.log1p(beyond)))


def spread(values: Array) -> float:
    """Return the distance from the median to the better sixth: the s.d. of a normal sample, no outlier in it.

    Example:
        >>> spread(np.array([1.0, 2.0, 3.0, 4.0, 1e9])) < 3
        True
    """
    if len(values) == 0:
        return 1.0
    median = float(np.median(values))
    width = median - float(np.quantile(values, 0.16))
    if width <= 0.0:
        width = float(np.median(np.abs(values - median)))
    return width if width > 0.0 and np.isfinite(width) else max(abs(median), 1e-12)
