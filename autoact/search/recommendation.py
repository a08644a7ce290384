"""What the search recommends: the best mean, over those that were tried more than once."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean

from autoact.search.ledger import Entry
from autoact.search.tuned import Tuned
from autoact.spaces import Assignment

_CONTENDERS = 3


@dataclass
class Evidence:
    """All values of everything that was tried, in the order in which it was first tried."""

    minimize: bool
    values: dict[str, list[float]] = field(default_factory=dict)
    tuned: dict[str, Tuned] = field(default_factory=dict)

    def add(self, entries: Iterable[Entry]) -> None:
        """Take in trainings; one that did not end with a number counts as the worst value there is."""
        for entry in entries:
            assert entry.assignment is not None
            worst = math.inf if self.minimize else -math.inf
            self.values.setdefault(entry.key, []).append(entry.selection if entry.usable else worst)
            tuned = Tuned(assignment_of(entry.assignment), entry.hyperparameters)
            self.tuned.setdefault(entry.key, tuned)

    def count(self, key: str) -> int:
        """Return how often an assignment was tried."""
        return len(self.values.get(key, ()))

    def ranking(self) -> list[str]:
        """Return the keys of assignments with a finite mean, the best first; of equals the older first."""
        means = {key: fmean(values) for key, values in self.values.items()}
        finite = [key for key, mean in means.items() if math.isfinite(mean)]
        return sorted(finite, key=lambda key: means[key] if self.minimize else -means[key])

    def best(self) -> Tuned | None:
        """Return the best mean among the assignments tried most often enough to be trusted.

        The best of many single values is mostly luck; where repeats were made, only repeated ones compete.
        """
        ranked = self.ranking()
        repeated = [key for key in ranked if self.count(key) > 1]
        return self.tuned[(repeated or ranked)[0]] if ranked else None


def contenders(evidence: Evidence, turn: int, left: int) -> list[Tuned]:
    """Return the assignments to try once more in one round of repeats: three, then always two.

    Args:
        evidence: What is known before the round.
        turn: Number of the round, from 0.
        left: Trainings left for repeats.
    """
    width = min(max(_CONTENDERS - turn, 2), left)
    return [evidence.tuned[key] for key in evidence.ranking()[:width]]


def assignment_of(layers: Mapping[str, object]) -> Assignment:
    """Return the assignment that a ledger's entry holds."""
    return Assignment.from_dict({"layers": dict(layers)})
