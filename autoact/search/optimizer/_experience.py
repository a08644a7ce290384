"""Experience of other tasks: what activations do on average by their place, and which of them do alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
_RIDGE = 0.1  # of kriging effects of activations that were in no task


@dataclass(frozen=True, slots=True, kw_only=True)
class Experience:
    """What other tasks say.

    Attributes:
        activations: K names.
        effects: Mean effects at the first, a middle and the last layer, (3, K), of one of L layers sqrt(L)
            times as large.
        closeness: Of their effects beyond the mean, (K, K), ones on the diagonal.
        strength: Of the effects.
        weight: Of the closeness, against that of the functions, 0 to 1.
    """

    activations: tuple[str, ...]
    effects: Array
    closeness: Array
    strength: float = 1.0
    weight: float = 0.5

    def expected(self, names: Sequence[str], near: Array, layer: int, layers: int) -> Array:
        """Return the mean effects of a layer's candidates, (len(names),)."""
        place = 2 if layer == layers - 1 else 0 if layer == 0 else 1
        own = self.effects[place]
        found = near @ np.linalg.solve(self._near + _RIDGE * np.eye(len(own)), own)
        known = [name in self.activations for name in names]
        places = [self.activations.index(name) if name in self.activations else 0 for name in names]
        return self.strength * np.where(known, own[places], found) / np.sqrt(layers)

    def blended(self, names: Sequence[str], functions: Array) -> Array:
        """Return the closeness of some activations, (N, N)."""
        known = np.array([name in self.activations for name in names])
        places = np.array([self.activations.index(name) if name in self.activations else 0 for name in names])
        own = np.where(np.logical_and.outer(known, known), self.closeness[np.ix_(places, places)], 0.0)
        own = np.where(np.logical_and.outer(~known, ~known), functions, own)
        return (1 - self.weight) * functions + self.weight * own

    @property
    def _near(self) -> Array:
        from autoact.search.optimizer._kernel import function_kernel

        return function_kernel(self.activations)
