"""One replay of a search on a table: the seed of each training, what it shows, how good a pick truly is."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean

import numpy as np

from autoact.search.policy import Names, Step
from scripts.benchmarks.tables import Landscape

Index = tuple[int, ...]


@dataclass(slots=True)
class Game:
    """A table and one seed of everything that is drawn while it is replayed.

    Trainings of one assignment take the table's seeds in a shuffled order, without replacement until they are
    used up. A training that goes on keeps its seed.

    Attributes:
        table: What is searched.
        seed: Of the game.
        paired: Whether the order is the same for all assignments: all first trainings share one seed.
        repeats: Seeds of whose values a training shows the mean. With more than one it shows more than can be
            had for what it costs: by that one learns what the noise costs.
    """

    table: Landscape
    seed: int
    paired: bool = False
    repeats: int = 1
    _orders: dict[Index, list[int]] = field(default_factory=dict)

    def value(self, index: Index, run: int, rung: int) -> float:
        """Return what a training shows at `fractions[rung]`, in the metric's own units."""
        first = run * self.repeats
        seeds = (self._seed(index, number) for number in range(first, first + self.repeats))
        return fmean(self.table.value(index, seed, rung) for seed in seeds)

    def step_values(self, step: Step) -> dict[float, float]:
        """Return what a step shows: the metric at each fraction that it passes."""
        index = self.index(step.assignment)
        return {
            fraction: self.value(index, step.run, rung)
            for rung, fraction in enumerate(self.table.fractions)
            if step.start < fraction <= step.stop
        }

    def index(self, names: Names) -> Index:
        """Return candidate numbers of names."""
        return tuple(own.index(name) for own, name in zip(self.table.candidates, names, strict=True))

    def _seed(self, index: Index, run: int) -> int:
        key = () if self.paired else index
        order = self._orders.setdefault(key, [])
        while len(order) <= run:
            turn = len(order) // self.table.seeds
            rng = np.random.default_rng([self.seed, turn, *key])
            order.extend(rng.permutation(self.table.seeds).tolist())
        return order[run]
