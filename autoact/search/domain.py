"""What a study varies: activations and hyperparameters, or the hyperparameters of fixed activations."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from autoact.search import hyperparameters, variables
from autoact.search.hyperparameters import Hyperparameters
from autoact.search.tuned import Tuned
from autoact.search.variables import Variables
from autoact.spaces import Assignment


class Suggester(hyperparameters.Suggester, variables.Suggester, Protocol):
    """The part of an Optuna trial that is used here."""


@dataclass(frozen=True, slots=True)
class Domain:
    """Everything that a study may try.

    Attributes:
        variables: The layers with their candidates.
        hyperparameters: Arguments of the model, often none.
        fixed: Activations that stay as they are; None varies them.
    """

    variables: Variables
    hyperparameters: Hyperparameters
    fixed: Assignment | None = None

    def suggest(self, trial: Suggester) -> Tuned:
        """Ask a trial for everything that is varied."""
        assignment = self.variables.suggest(trial) if self.fixed is None else self.fixed
        return Tuned(assignment, self.hyperparameters.suggest(trial))

    def allows(self, assignment: Assignment) -> bool:
        """Tell whether these activations may be tried."""
        return self.variables.allows(assignment) if self.fixed is None else assignment == self.fixed

    def encode(self, tuned: Tuned) -> dict[str, Any]:
        """Return the parameters of a trial nearest to what is given."""
        activations = self.variables.encode(tuned.assignment) if self.fixed is None else {}
        return {**activations, **self.hyperparameters.encode(tuned.hyperparameters)}

    def description(self) -> Mapping[str, Any]:
        """Return what must not change when a study goes on, apart from the settings."""
        return self.variables.description() if self.fixed is None else {}
