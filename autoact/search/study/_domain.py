"""Domain of a study: the activations and hyperparameters that it varies."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from optuna.distributions import BaseDistribution

from autoact.records import Value
from autoact.search.setup import Variables
from autoact.search.study._context import Search
from autoact.spaces import Assignment


@dataclass(frozen=True)
class Domain:
    """What a study varies.

    Attributes:
        search: The search, with its hyperparameters.
        variables: The layers, with what a mixture derived as one more option.
        fixed: Activations that stay as they are, where a baseline is tuned; None varies them.
    """

    search: Search
    variables: Variables
    fixed: Assignment | None = None

    @cached_property
    def distributions(self) -> dict[str, BaseDistribution]:
        """What a trial draws from, by parameter; made once, for 100 layers take as long as a small ask."""
        activations = self.variables.distributions() if self.fixed is None else {}
        searched = self.search.hyperparameters
        return {**activations, **{one.name: one.distribution for one in searched}}

    @cached_property
    def costs(self) -> dict[str, dict[str, float]] | None:
        """What each value of each parameter adds to the cost; None where there is no second goal."""
        known = self.search.costs
        if known is None or self.fixed is not None:
            return None
        return {
            v.name: {
                label: sum(known.change(path, choice.activation) for path, choice in option.items())
                for label, option in v.options.items()
            }
            for v in self.variables
        }

    def told(self, value: float, values: Mapping[str, Any]) -> list[float]:
        """Return what a study is told of a trial: its value, and its cost where there are two goals."""
        known = self.search.costs
        if self.costs is None or known is None:
            return [value]
        added = (own[values[name]] for name, own in self.costs.items())
        return [value, known.original + sum(added)]

    def values(
        self, assignment: Assignment, hyperparameters: Mapping[str, Value], *, partly: bool = False
    ) -> dict[str, Any] | None:
        """Return a trial's values of all parameters, None where some are not to be had.

        Args:
            assignment: The activations.
            hyperparameters: Their values, which may lie outside of their ranges.
            partly: Whether hyperparameters may be left for the sampler.
        """
        chosen = self.variables.values(assignment) if self.fixed is None else {}
        near = self.search.hyperparameters.encode(hyperparameters)
        whole = partly or len(near) == len(self.search.hyperparameters)
        return {**chosen, **near} if chosen is not None and whole else None

    def assignment(self, values: Mapping[str, Any]) -> Assignment:
        """Return the activations that a trial's values stand for."""
        return self.variables.assignment(values) if self.fixed is None else self.fixed
