"""Trials that raised: they say nothing of a value, and what raises again and again is not asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from optuna.trial import FrozenTrial, TrialState

from autoact.search.optimizer._kernel import Indices
from autoact.search.optimizer._trial_observations import RAISED_ATTRIBUTE, LayerSpace, Row

_OFTEN = 2  # trials with one error: once may be the machine

Pair = tuple[int, str]  # a layer and an activation of it


@dataclass(frozen=True, slots=True)
class Raising:
    """What is believed to raise whenever it is trained.

    Attributes:
        parts: Sets of activations by layer: what holds all of one of them raises.
        rows: Whole assignments.
    """

    parts: frozenset[frozenset[Pair]] = frozenset()
    rows: frozenset[Row] = frozenset()

    @classmethod
    def of(cls, layers: LayerSpace, trials: Sequence[FrozenTrial]) -> Raising:
        """Find what trials with one and the same error have in common and no other trial has.

        An activation is blamed where it alone was never trained, or never in this layer: together in the
        layers that they share, or in each layer where they share none.

        Args:
            layers: The layers.
            trials: Trials in any state.
        """
        if not any(RAISED_ATTRIBUTE in trial.user_attrs for trial in trials):
            return cls()
        raised: dict[str, list[Row]] = defaultdict(list)
        trained: set[Pair] = set()
        for trial in trials:
            row = layers.number(trial)
            if row is None or not trial.state.is_finished():
                continue
            if (error := trial.user_attrs.get(RAISED_ATTRIBUTE)) is not None:
                raised[error].append(row)
            elif trial.state != TrialState.FAIL or trial.user_attrs:  # without: killed, its end is unknown
                trained |= set(enumerate(layers.name(row).values()))
        rows = {row for same in raised.values() for row in same if same.count(row) >= _OFTEN}
        parts = {part for same in raised.values() for part in _blamed(layers, same, trained)}
        return cls(frozenset(parts), frozenset(rows))

    def among(self, options: Indices, layers: LayerSpace) -> npt.NDArray[np.bool_]:
        """Return which options hold something of it, (N,).

        Args:
            options: Candidate numbers, (N, L).
            layers: The layers.
        """
        found = np.array([tuple(row) in self.rows for row in options.tolist()], dtype=bool)
        for part in self.parts:
            held = [options[:, layer] == layers.candidates[layer].index(name) for layer, name in part]
            found |= np.logical_and.reduce(held)
        return found


def _blamed(layers: LayerSpace, raised: Sequence[Row], trained: set[Pair]) -> Iterator[frozenset[Pair]]:
    """Yield the sets of activations by layer that explain trials with one error."""
    accused: dict[str, list[set[int]]] = defaultdict(list)
    known = {name for _, name in trained}
    for row in raised:
        new = set(enumerate(layers.name(row).values())) - trained
        names = {name for _, name in new}
        names = names - known or names
        if len(names) == 1 and (names.isdisjoint(known) or len(new) == 1):
            (name,) = names
            accused[name].append({layer for layer, own in new if own == name})
    for name, places in accused.items():
        if len(places) < _OFTEN:
            continue
        if shared := set.intersection(*places):
            yield frozenset((layer, name) for layer in shared)
        elif name not in known:
            offered = (layer for layer, names in enumerate(layers.candidates) if name in names)
            yield from (frozenset({(layer, name)}) for layer in offered)
