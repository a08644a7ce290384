"""What the phases of a search share."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from autoact.search.clock import Clock
from autoact.search.hyperparameters import Value
from autoact.search.ledger import Ledger
from autoact.search.plan import Counts, is_guided
from autoact.search.run_directory import RunDirectory
from autoact.search.rungs import Rungs
from autoact.search.seeds import Seeds
from autoact.search.settings import Settings
from autoact.search.variables import Variables

from autoact.search.trainings import Trainings


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Everything that the phases share; `own` are the model's values of the searched hyperparameters."""

    settings: Settings
    seeds: Seeds
    variables: Variables
    directory: RunDirectory
    trainings: Trainings
    rungs: Rungs = field(default_factory=Rungs)
    clock: Clock = field(default_factory=lambda: Clock(None))
    own: Mapping[str, Value] = field(default_factory=dict)

    @property
    def steps(self) -> float:
        """Optimizer steps of one full training, as the prior did them; NaN while unknown."""
        return next((float(entry.steps) for entry in self.ledger.of("prior") if entry.steps), math.nan)

    @property
    def ledger(self) -> Ledger:
        """The trainings that are done."""
        return self.trainings.ledger

    @property
    def guided(self) -> bool:
        """Whether the policy chooses the trainings of the search."""
        return is_guided(self.settings, self.variables)

    @property
    def counts(self) -> Counts:
        """How many trainings each phase has."""
        return Counts.of(self.settings, self.variables)
