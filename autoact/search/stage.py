"""Which trainings of a ledger belong to one study: the search's own, or the tuning of a baseline."""

from collections.abc import Iterator
from dataclasses import dataclass

from autoact.search.ledger import Entry, Ledger, Phase
from autoact.spaces import Assignment


@dataclass(frozen=True, slots=True)
class Stage:
    """A study with the repeats of its best few.

    Attributes:
        baseline: Name of the baseline that is tuned; None for the search itself.
        fixed: The baseline's activations.
    """

    baseline: str | None = None
    fixed: Assignment | None = None

    @property
    def trial_phase(self) -> Phase:
        """Phase of its trials."""
        return "trial" if self.baseline is None else "tuning"

    @property
    def repeat_phase(self) -> Phase:
        """Phase of its repeats."""
        return "reevaluation" if self.baseline is None else "tuning"

    @property
    def repeat_label(self) -> str:
        """What its repeats are called in the ledger."""
        return self.baseline or "repeat"

    def trials(self, ledger: Ledger) -> Iterator[Entry]:
        """Iterate over the trials that are done."""
        for entry in ledger.of(self.trial_phase):
            if entry.trial is not None and (self.baseline is None or entry.label == self.baseline):
                yield entry


SEARCH_STAGE = Stage()
