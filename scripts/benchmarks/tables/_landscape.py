"""Landscape: what a replay needs to know of a search problem, measured on a grid or computed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Names = tuple[str, ...]  # one activation per layer
Index = tuple[int, ...]  # one candidate number per layer
Mode = Literal["min", "max"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """Scores that one or a few cheap trainings give to assignments, higher is better.

    Args:
        scores: of shape (R, K_1, ..., K_L), R independent repetitions; or (R, L, max K) where `additive`: a
            score per layer and candidate, NaN where a layer has fewer candidates, summed over layers.
        cost: of one repetition, in full trainings.
        additive: whether `scores` holds one score per layer and candidate.
    """

    scores: Array
    cost: float
    additive: bool = False

    def score(self, repetition: int, assignment: Index) -> float:
        """Give one repetition's score of an assignment.

        Example:
            >>> prior = Prior(scores=np.array([[[0.0, 1.0], [2.0, 3.0]]]), cost=1.0, additive=True)
            >>> prior.score(0, (1, 0))
            3.0
        """
        scores = self.scores[repetition]
        if self.additive:
            return float(sum(scores[layer, choice] for layer, choice in enumerate(assignment)))
        return float(scores[assignment])


class Landscape(Protocol):
    """A search problem that can be replayed; `SearchTable` and `SyntheticTable` are two.

    `layers`, `candidates` (per layer), ascending `fractions` of one continued training, number of `seeds`,
    `mode`, and `priors` by name.
    """

    @property
    def name(self) -> str: ...

    @property
    def layers(self) -> tuple[str, ...]: ...

    @property
    def candidates(self) -> tuple[tuple[str, ...], ...]: ...

    @property
    def fractions(self) -> tuple[float, ...]: ...

    @property
    def seeds(self) -> int: ...

    @property
    def mode(self) -> Mode: ...

    @property
    def priors(self) -> Mapping[str, Prior]: ...

    def value(self, assignment: Index, seed: int, rung: int) -> float:
        """Give the validation metric of one training at `fractions[rung]`, in its units; NaN if it failed."""

    def compared(self, assignment: Index, seed: int) -> float:
        """Give the metric of the same training, at its end, on data that chose nothing."""

    def regret(self, assignment: Index) -> float:
        """Give the true normalized regret: 0 for the best assignment, 1 for the median one."""
