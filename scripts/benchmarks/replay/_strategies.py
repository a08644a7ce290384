"""Strategies to compare the search with: each plays a game and says what it would recommend at some costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import optuna

from autoact.search.optimizer import FunctionSpaceSampler
from scripts.benchmarks.replay._game import Game
from scripts.benchmarks.replay._study import Picks, Recommended, Strategy, best_trial, new_study, picks
from scripts.benchmarks.tables import Index


@dataclass(frozen=True, slots=True)
class OneSeed:
    """Another strategy with one seed for the first trainings of all assignments, one for the second, ..."""

    strategy: Strategy

    def __call__(self, game: Game, costs: Sequence[float]) -> Picks:
        """Play the same game with paired seeds."""
        return self.strategy(Game(game.table, game.seed, paired=True), costs)


def random_search(game: Game, costs: Sequence[float]) -> Picks:
    """Train random assignments to the end; recommend the best value."""
    rng = np.random.default_rng([game.seed, 1])
    sizes = [len(names) for names in game.table.candidates]
    drawn = [tuple(int(i) for i in rng.integers(sizes)) for _ in range(int(max(costs)))]
    seen: list[tuple[float, Index]] = []
    for place, index in enumerate(drawn):
        seen.append((_oriented(game, index, drawn[:place].count(index)), index))
    return {cost: min(seen[: int(cost)])[1] for cost in costs}


@dataclass(frozen=True, slots=True)
class MeanOf:
    """Train random assignments `repeats` times each and recommend the best mean: patience alone."""

    repeats: int

    def __call__(self, game: Game, costs: Sequence[float]) -> Picks:
        """Play once for all costs that allow it."""
        rng = np.random.default_rng([game.seed, 2])
        sizes = [len(names) for names in game.table.candidates]
        count = int(max(costs)) // self.repeats
        drawn = [tuple(int(i) for i in rng.integers(sizes)) for _ in range(count)]
        runs = range(self.repeats)
        means = [(float(np.mean([_oriented(game, index, run) for run in runs])), index) for index in drawn]
        return {cost: min(means[: int(cost) // self.repeats])[1] for cost in costs if cost >= self.repeats}


def tpe(game: Game, costs: Sequence[float]) -> Picks:
    """Optuna's default sampler; recommend the best trial."""
    return _study(game, costs, optuna.samplers.TPESampler(seed=game.seed), best_trial)


def gaussian_process(game: Game, costs: Sequence[float]) -> Picks:
    """Optuna's GP sampler; recommend the best trial."""
    return _study(game, costs, optuna.samplers.GPSampler(seed=game.seed), best_trial)


def function_space(game: Game, costs: Sequence[float]) -> Picks:
    """`FunctionSpaceSampler` in a plain study: whole trainings only; recommend the best posterior mean."""
    sampler = FunctionSpaceSampler(seed=game.seed)
    return _study(game, costs, sampler, sampler.best_assignment)


def _study(
    game: Game, costs: Sequence[float], sampler: optuna.samplers.BaseSampler, recommended: Recommended
) -> Picks:
    return picks(game, new_study(game, sampler), {cost: int(cost) for cost in costs}, recommended)


def _oriented(game: Game, index: Index, run: int) -> float:
    value = game.value(index, run)
    if not math.isfinite(value):
        return math.inf
    return value if game.table.mode == "min" else -value
