"""Trainings of an earlier run: a replayed search of another table, moved by relative depth."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from optuna.study import Study

from autoact.search.optimizer import FunctionSpaceSampler
from autoact.search.optimizer._kernel import AssignmentKernel, kernel_of
from autoact.search.optimizer._observations import Observations
from scripts.benchmarks.replay import Game, Search
from scripts.benchmarks.tables import Landscape, Names, SearchTable

BUDGET = 20  # trials of an earlier run, beside its baselines
FIRST_GAME = 10**6  # seeds of earlier runs: none is the seed of a game that is given its trainings


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier run trained, in the layers of the one that is given it.

    Attributes:
        kernel: Over assignments of the new run's layers, with what either run has as candidates; the new
            run's come first and keep their numbers.
        seen: The trainings.
        choice: What it chose; where that is no candidate, the layer's first one.
    """

    kernel: AssignmentKernel
    seen: Observations
    choice: Names


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept(Search):
    """A search that keeps its study and its choice."""

    kept: list[tuple[Study, Mapping[str, str]]] = field(default_factory=list)

    def recommended(self, game: Game, sampler: FunctionSpaceSampler, study: Study) -> Mapping[str, str]:
        """Return what is recommended."""
        chosen = Search.recommended(self, game, sampler, study)
        self.kept.append((study, chosen))
        return chosen


@lru_cache(maxsize=8)
def _table(path: Path) -> SearchTable:
    return SearchTable.load(path)


def earlier_run(path: Path, seed: int, table: Landscape) -> Earlier:
    """Play a search of 20 trials with its baselines on a table, and move it to another table's layers.

    Args:
        path: File of the table of the earlier run.
        seed: Of the earlier run.
        table: What is searched now.
    """
    return moved(*_played(path, seed), _table(path), table)


@lru_cache(maxsize=4096)
def _played(path: Path, seed: int) -> tuple[Study, Mapping[str, str]]:
    search = _Kept(baselines=2, first=10, raced=True, seeds=3)
    game = Game(_table(path), FIRST_GAME + seed)
    search(game, [search.paid(game) + BUDGET])
    return search.kept[-1]


def moved(study: Study, choice: Mapping[str, str], source: Landscape, table: Landscape) -> Earlier:
    """Return a study's trainings and choice in another table's layers."""
    places = nearest(len(source.layers), len(table.layers))
    candidates = tuple(
        (*own, *(name for name in source.candidates[place] if name not in own))
        for own, place in zip(table.candidates, places, strict=True)
    )
    layers = [source.layers[place] for place in places]
    trials = [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]
    rows = [
        [names.index(trial.params[layer]) for names, layer in zip(candidates, layers, strict=True)]
        for trial in trials
    ]
    sign = 1.0 if source.mode == "min" else -1.0
    count = len(trials)
    seen = Observations(
        assignments=np.array(rows, dtype=np.intp),
        fidelities=np.ones(count),
        runs=np.arange(count),
        values=np.array([np.nan if trial.value is None else sign * trial.value for trial in trials]),
        hyperparameters=np.empty((count, 0)),
        seeds=np.array([trial.user_attrs["seed"] for trial in trials], dtype=np.intp),
    )
    own = [choice[layer] for layer in layers]
    tried = tuple(
        name if name in names else names[0] for name, names in zip(own, table.candidates, strict=True)
    )
    return Earlier(kernel_of(candidates), seen, tried)


def nearest(earlier: int, layers: int) -> list[int]:
    """Return, for each of so many layers, which of an earlier model's is nearest in relative depth.

    Example:
        >>> nearest(3, 5), nearest(4, 3)
        ([0, 0, 1, 2, 2], [0, 1, 3])
    """
    depths = (np.arange(earlier) + 0.5) / earlier
    return [int(np.argmin(np.abs(depths - (layer + 0.5) / layers).round(9))) for layer in range(layers)]
