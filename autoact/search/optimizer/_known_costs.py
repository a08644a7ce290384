"""Known costs: a second goal that follows from the assignment, and the best value within a budget of it.

Whoever takes an activation may have a budget of cost that no one knows yet. Half of the weight is on no
budget at all, the other half is spread evenly over budgets from the lowest to the highest cost of the space.
What is expected of the best value within such a budget is the hypervolume under the front of means, per unit
of cost, up to a constant: its reference is worse than every value, and one range above the highest cost.

References:
    Daulton, Balandat and Bakshy: Hypervolume Knowledge Gradient. ICML (2023).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from autoact.errors import ConfigurationError
from autoact.search.optimizer._kernel import Array, Indices
from autoact.search.optimizer._trial_observations import LayerSpace

_WITHOUT_BUDGET = 0.5  # weight
ChoiceCosts = Mapping[str, Mapping[str, float]]  # by parameter and choice; those of an assignment add up


@dataclass(frozen=True, slots=True)
class KnownCosts:
    """Cost of every assignment of some layers: a sum over the layers.

    Attributes:
        by_layer: Cost by candidate number, one array for each layer.
    """

    by_layer: tuple[Array, ...]

    @classmethod
    def of(cls, layers: LayerSpace, costs: ChoiceCosts) -> KnownCosts:
        """Read them by the names of a study.

        Raises:
            ConfigurationError: A choice of a layer has none.
        """
        for layer, names in zip(layers.names, layers.candidates, strict=True):
            if missing := [name for name in names if name not in costs.get(layer, {})]:
                raise ConfigurationError(
                    f"costs has none of {', '.join(missing)} in {layer!r}; give costs={{{layer!r}: "
                    f"{{{missing[0]!r}: a number, ...}}}} for every choice of the study."
                )
        return cls(
            tuple(
                np.array([costs[layer][name] for name in names], dtype=np.float64)
                for layer, names in zip(layers.names, layers.candidates, strict=True)
            )
        )

    def __call__(self, assignments: Indices) -> Array:
        """Return the costs of some assignments, (M,), given their candidate numbers, (M, L)."""
        columns = zip(self.by_layer, assignments.T, strict=True)
        return np.sum([own[numbers] for own, numbers in columns], axis=0)

    @property
    def cheapest(self) -> list[int]:
        """Candidate numbers of the assignment with the lowest cost."""
        return [int(own.argmin()) for own in self.by_layer]

    def budgets(self, assignments: Indices) -> Budgets:
        """Return what is bought of some assignments."""
        lowest, highest = (sum(float(f(own)) for own in self.by_layer) for f in (np.min, np.max))
        return Budgets.of(self(assignments), lowest, highest)


@dataclass(frozen=True, slots=True)
class Budgets:
    """Which of M options a random budget suffices for.

    Attributes:
        order: Numbers of the options, the cheapest first, (M,).
        shares: Probability that an option is the dearest that a budget suffices for, in that order, (M,).
    """

    order: Indices
    shares: Array

    @classmethod
    def of(cls, costs: Array, lowest: float, highest: float) -> Budgets:
        """Return those of options with some costs.

        Args:
            costs: Shape (M,).
            lowest: Of the whole space.
            highest: Of the whole space.

        Example:
            >>> Budgets.of(np.array([2.0, 0.0, 1.0]), 0.0, 4.0).shares.tolist()
            [0.125, 0.125, 0.75]
        """
        order = np.argsort(costs, kind="stable")
        if highest <= lowest:
            return cls(order, np.append(np.zeros(len(costs) - 1), 1.0))
        steps = np.diff(costs[order], append=max(highest, float(costs.max())))
        shares = (1 - _WITHOUT_BUDGET) * steps / (highest - lowest)
        shares[-1] += _WITHOUT_BUDGET
        return cls(order, shares)

    def expected(self, values: Array) -> Array:
        """Return the best value within a budget, averaged over budgets.

        Args:
            values: Shape (..., M), smaller is better.
        """
        best = np.minimum.accumulate(values[..., self.order], axis=-1)
        return np.asarray(best @ self.shares)

    def best(self, values: Array) -> Iterator[tuple[int, Indices]]:
        """Give each option that is the best within some budgets, and all that the largest of these buys.

        Args:
            values: Shape (M,), smaller is better.
        """
        ordered = values[self.order]
        before = np.append(np.inf, np.minimum.accumulate(ordered)[:-1])
        places = np.flatnonzero(ordered < before)
        for place, end in zip(places, [*places[1:], len(ordered)], strict=True):
            if self.shares[place:end].any():  # else a better one costs as much
                yield int(self.order[place]), self.order[:end]


def by_fronts(values: Array, costs: Array, count: int) -> Indices:
    """Return the numbers of so many options: the front, then the front of the rest, and so on.

    On a front no option is as good as a cheaper one; its best values come first. With equal costs these are
    the best values in order.

    Args:
        values: Shape (M,), smaller is better.
        costs: Shape (M,).
        count: At most so many.

    Example:
        >>> by_fronts(np.array([3.0, 1.0, 2.0, 4.0]), np.array([0.0, 2.0, 2.0, 1.0]), 3).tolist()
        [1, 0, 2]
    """
    left = np.lexsort((np.arange(len(values)), values, costs))
    found: list[int] = []
    while len(left) and len(found) < count:
        own = values[left]
        front = own < np.append(np.inf, np.minimum.accumulate(own)[:-1])
        if not front.any():  # infinite values alone
            front[:] = True
        found += left[front][np.argsort(own[front], kind="stable")].tolist()
        left = left[~front]
    return np.array(found[:count], dtype=np.intp)
