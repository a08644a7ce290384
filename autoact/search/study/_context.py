"""Context of a running search: what its phases share."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from autoact.records import Ledger, RunDirectory, Value
from autoact.search.setup import Counts, Hyperparameters, Seeds, Settings, Variables
from autoact.search.trainings import TimeLimit, Trainings

ORIGINAL, SELECTED = "original", "selected"  # labels of trainings


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Everything that the phases share.

    Attributes:
        settings: What is asked for.
        seeds: The seeds by phase.
        variables: What is chosen.
        directory: Where the run is kept.
        trainings: Does trainings, and holds those that are done.
        limit: Tells when the time of the search is over.
        own: The model's values of the searched hyperparameters.
    """

    settings: Settings
    seeds: Seeds
    variables: Variables
    directory: RunDirectory
    trainings: Trainings
    limit: TimeLimit = field(default_factory=lambda: TimeLimit(None))
    own: Mapping[str, Value] = field(default_factory=dict)

    @property
    def ledger(self) -> Ledger:
        """The trainings that are done."""
        return self.trainings.ledger

    @property
    def hyperparameters(self) -> Hyperparameters:
        """What is searched with the activations; the model's own value of a choice is one of its values."""
        return self.settings.hyperparameters.including(self.own)

    @property
    def counts(self) -> Counts:
        """How many trainings each phase has."""
        return Counts.of(self.settings, self.variables)
