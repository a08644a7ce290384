"""What a search compares: activations together with the hyperparameters they are trained with."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from autoact.search.hyperparameters import Value
from autoact.search.variables import key_of
from autoact.spaces import Assignment


@dataclass(frozen=True, slots=True)
class Tuned:
    """An assignment, and values of hyperparameters; those not named are the model's own.

    Example:
        >>> relu = Assignment({"net.1": "relu"})
        >>> Tuned(relu).key == key_of(relu)
        True
        >>> Tuned(relu, {"model.lr": 0.1}).key == Tuned(relu, {"model.lr": 0.01}).key
        False
    """

    assignment: Assignment
    hyperparameters: Mapping[str, Value] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """A short text that is equal for equal models, across processes and runs."""
        own = key_of(self.assignment)
        if not self.hyperparameters:
            return own
        content = json.dumps([own, dict(self.hyperparameters)], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]
