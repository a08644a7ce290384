"""Context of a running search: what its phases share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autoact.records import Costs, Ledger, Question, RunDirectory, Training, Value, confidence
from autoact.search.setup import RACED, Counts, Hyperparameters, Seeds, Settings, Variables
from autoact.search.trainings import TimeLimit, Trainings
from autoact.spaces import Assignment

# labels of trainings: the choice is selected once it has been a finalist; members of the front have a number
ORIGINAL, CHOICE, SELECTED, MEMBER = "original", "choice", "selected", "front"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Everything that the phases share.

    Attributes:
        settings: What is asked for.
        seeds: The seeds by phase.
        variables: What is chosen.
        directory: Where the run is kept.
        trainings: Does trainings, and holds those that are done.
        limit: Tells what fits into the time of the run.
        own: The model's values of the searched hyperparameters.
        questions: What the run has asked; the seeds are those of the last.
        costs: What assignments cost, of a search for two goals.
        exports: The studies' exports that are open, by label.
    """

    settings: Settings
    seeds: Seeds
    variables: Variables
    directory: RunDirectory
    trainings: Trainings
    limit: TimeLimit = field(default_factory=TimeLimit)
    own: Mapping[str, Value] = field(default_factory=dict)
    questions: tuple[Question, ...] = (Question(),)
    costs: Costs | None = None
    exports: dict[str | None, Any] = field(default_factory=dict, repr=False)

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

    @property
    def level(self) -> float:
        """Confidence at which the present question is judged."""
        return confidence(len(self.questions))

    def raced_with(self, assignment: Assignment) -> range:
        """Return the numbers of the seeds that the race is going to train an assignment with.

        A trial of a baseline takes another one, so that nothing is trained twice. Where each baseline is
        tuned, nobody knows before which hyperparameters race.

        Args:
            assignment: The activations.
        """
        variables = self.variables
        due = not self.settings.parameters and not self.ledger.count("baseline")
        baselines = (variables.original, *map(variables.uniform, variables.names)) if due else ()
        return range(RACED if assignment in baselines else 0)

    @property
    def confirmations(self) -> list[Training]:
        """The trainings that are done of the present question's confirmation."""
        return [t for t in self.ledger.of("confirmation") if t.seed in self.seeds.confirmation]
