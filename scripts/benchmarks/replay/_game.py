"""Game: one replay of a search on a table, with the seed of each training and what it shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean

import numpy as np

from scripts.benchmarks.tables import Index, Landscape, Names


@dataclass(slots=True)
class Game:
    """A table and one seed of everything that is drawn while it is replayed.

    Trainings of one assignment take the table's seeds in a shuffled order, without replacement until they are
    used up.

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

    def value(self, index: Index, run: int) -> float:
        """Return what a training shows at its end, in the metric's own units."""
        last = len(self.table.fractions) - 1
        first = run * self.repeats
        seeds = (self._seed(index, number) for number in range(first, first + self.repeats))
        return fmean(self.table.value(index, seed, last) for seed in seeds)

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
