"""Hyperparameters of a study that are no activations, as numbers that a kernel can compare."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial

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
