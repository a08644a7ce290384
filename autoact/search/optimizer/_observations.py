"""Points and observations of trainings, their hyperparameters as numbers, and the scale of their values.

On that scale one diverged training cannot drown the others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial

from autoact.search.optimizer._kernel import Array, Indices

_USUAL = 3.0  # spreads from the median; what lies beyond is compressed
_BELIEF = 2.0  # values that weigh as much as the belief that a fidelity's spread is that of the one before
_DIVERGED = 12.0  # compressed: 8,000 spreads above the center; what lies higher has failed
_DECADES = 100.0  # between the best and the median: from here on values are compared by ratio
_WORSE = 0.5  # what a failed training lies above the worst that has not


@dataclass(frozen=True, slots=True)
class Points:
    """N places where values are, observed or not.

    Attributes:
        assignments: Candidate numbers, (N, L).
        fidelities: Part of a full training after which the value is measured, (N,), in (0, 1].
        runs: Which training it is, (N,): equal numbers are one that goes on; -1 is the mean over all of them.
        hyperparameters: Hyperparameters, (N, H), each on [0, 1].
        seeds: Random seed of the training, (N,), numbered; None where no two are known to share one.
    """

    assignments: Indices
    fidelities: Array
    runs: Indices
    hyperparameters: Array
    seeds: Indices | None = None

    @classmethod
    def means(cls, assignments: Indices, hyperparameters: Array | None = None) -> Points:
        """Return the mean values of assignments at the end of training, with one setting each or none."""
        count = len(assignments)
        given = np.empty((count, 0)) if hyperparameters is None else hyperparameters
        return Points(assignments, np.ones(count), np.full(count, -1, dtype=np.intp), given)

    def subset(self, rows: Indices) -> Self:
        """Return some of them."""
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: each[rows] for name, each in held.items() if each is not None})

    def joined(self, others: Points) -> Points:
        """Return these points and then others."""
        both = self.seeds is not None and others.seeds is not None
        return Points(
            np.concatenate([self.assignments, others.assignments]),
            np.concatenate([self.fidelities, others.fidelities]),
            np.concatenate([self.runs, others.runs]),
            np.concatenate([self.hyperparameters, others.hyperparameters]),
            np.concatenate([self.seeds, others.seeds]) if both else None,
        )

    def __len__(self) -> int:
        return len(self.fidelities)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations(Points):
    """N points with values of trainings, whole or partial.

    Attributes:
        values: The metric, (N,), smaller is better; NaN or infinity where the training failed.
    """

    values: Array


@dataclass(frozen=True, slots=True)
class Scale:
    """Center and spread of the values by fidelity.

    Values all above 0 whose best is more than two decades below their median are compared by their
    logarithms: on their own scale what is ten times better than the second best would look like the same.

    Example:
        >>> values = np.array([0.3, 0.4, 0.5, 0.6, 1e9, np.nan])
        >>> seen = Observations(assignments=np.zeros((6, 1), dtype=int), fidelities=np.ones(6),
        ...     runs=np.arange(6), values=values, hyperparameters=np.empty((6, 0)))
        >>> scaled = Scale.of(seen).standardize(seen)
        >>> bool(scaled[3] < scaled[4] == scaled[5] < 3)
        True
    """

    centers: Mapping[float, float]
    spreads: Mapping[float, float]
    logarithmic: bool = False

    @classmethod
    def of(cls, seen: Observations) -> Scale:
        """Measure both; what failed has no part in them."""
        numbers = seen.values[np.isfinite(seen.values)]
        logarithmic = bool(
            len(numbers) and numbers.min() > 0 and np.median(numbers) > _DECADES * numbers.min()
        )
        values = _logarithms(seen.values) if logarithmic else seen.values
        finite = np.isfinite(values)
        fidelities = sorted(set(seen.fidelities.tolist()))
        groups = {f: values[finite & (seen.fidelities == f)] for f in fidelities}
        centers = {f: float(np.median(group)) if len(group) else 0.0 for f, group in groups.items()}
        spreads: dict[float, float] = {}
        for fidelity in fidelities:
            group, before = groups[fidelity], list(spreads.values())[-1:]
            own = np.log(spread(group))
            weight = len(group) / (len(group) + _BELIEF) if before else 1.0
            spreads[fidelity] = float(np.exp(weight * own + (1.0 - weight) * np.log(before or [1.0])[0]))
        return cls(centers, spreads, logarithmic)

    def standardize(self, seen: Observations) -> Array:
        """Return the values on a common scale, shape (N,), none of them infinite."""
        values = _logarithms(seen.values) if self.logarithmic else seen.values
        center = np.array([self.centers[f] for f in seen.fidelities.tolist()])
        width = np.array([self.spreads[f] for f in seen.fidelities.tolist()])
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = squash((values - center) / width)
        usual = np.isfinite(scaled) & (scaled <= _DIVERGED)
        worst = scaled[usual].max() if usual.any() else 0.0
        return np.where(usual, scaled, max(worst, 1.0) + _WORSE)

    def restore(self, mean: Array, deviation: Array) -> tuple[Array, Array]:
        """Return means and standard deviations at the highest fidelity in the metric's own units."""
        last = max(self.centers)
        mean, deviation = self.centers[last] + self.spreads[last] * mean, self.spreads[last] * deviation
        return (np.exp(mean), np.exp(mean) * deviation) if self.logarithmic else (mean, deviation)


def _logarithms(values: Array) -> Array:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.log(values))


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


Others = tuple[tuple[str, BaseDistribution], ...]  # parameters that choose no activations
_APART = 0.3  # between two values of a choice, on the scale on which ranges have length 1


@dataclass(frozen=True, slots=True)
class HyperparameterSpace:
    """Hyperparameters of a study that are no activations, as numbers on [0, 1].

    Ranges go from 0 to 1, on a logarithmic scale where they are logarithmic; a choice has one number per
    value, so that all its values are equally far from each other.

    Example:
        >>> from optuna.trial import create_trial
        >>> space = {"lr": FloatDistribution(1e-4, 1e-2, log=True), "wide": CategoricalDistribution([1, 2])}
        >>> trial = create_trial(params={"lr": 1e-3, "wide": 2}, distributions=space, value=0.0)
        >>> HyperparameterSpace(tuple(space.items())).numbers(trial)
        (0.5, 0.0, 0.3)
    """

    parameters: Others

    @property
    def width(self) -> int:
        """How many numbers there are, H."""
        return sum(_width(distribution) for _, distribution in self.parameters)

    def numbers(self, trial: FrozenTrial) -> tuple[float, ...] | None:
        """Return the numbers of a trial, None if it lacks a parameter."""
        if any(name not in trial.params for name, _ in self.parameters):
            return None
        return self.encoded(trial.params)

    def encoded(self, values: Mapping[str, Any]) -> tuple[float, ...]:
        """Return the numbers of values by parameter."""
        return tuple(n for name, own in self.parameters for n in _numbers(own, values[name]))


def _width(distribution: BaseDistribution) -> int:
    return len(distribution.choices) if isinstance(distribution, CategoricalDistribution) else 1


def _numbers(distribution: BaseDistribution, value: Any) -> list[float]:
    if isinstance(distribution, CategoricalDistribution):
        place = distribution.to_internal_repr(value)
        return [_APART * (place == number) for number in range(len(distribution.choices))]
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high, own = float(distribution.low), float(distribution.high), float(value)
    if distribution.log:
        low, high, own = math.log(low), math.log(high), math.log(own)
    return [round((own - low) / (high - low), 12) if high > low else 0.0]
