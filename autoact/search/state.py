"""What the phases of a search share."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from autoact.search.hyperparameters import Value
from autoact.search.ledger import Ledger
from autoact.search.plan import Counts
from autoact.search.run_directory import RunDirectory
from autoact.search.seeds import Seeds
from autoact.search.settings import Settings
from autoact.search.trainings import Trainings
from autoact.search.variables import Variables


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Everything that the phases share; `own` are the model's values of the searched hyperparameters."""

    settings: Settings
    seeds: Seeds
    variables: Variables
    directory: RunDirectory
    trainings: Trainings
    own: Mapping[str, Value] = field(default_factory=dict)

    @property
    def ledger(self) -> Ledger:
        """The trainings that are done."""
        return self.trainings.ledger

    @property
    def counts(self) -> Counts:
        """How many trainings each phase has."""
        return Counts.of(self.settings, self.variables)
