"""Tournament: many replays of strategies on one table, in processes, and what they add up to."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import numpy as np

from scripts.benchmarks.replay._game import Game
from scripts.benchmarks.replay._study import Strategy
from scripts.benchmarks.tables import Array, Landscape

_RESAMPLED = 2000  # bootstrap samples
_CHUNK = 5  # repetitions that a process is given at a time
TableOf = Callable[[int], Landscape]  # the table of a repetition: always the same, or one per seed


@dataclass(frozen=True, slots=True)
class Regrets:
    """True regrets of what a strategy recommends, (R, C), by repetition and cost; NaN if it cannot play."""

    costs: tuple[float, ...]
    values: Array

    def at(self, cost: float) -> Array:
        """Return the regrets at one cost, shape (R,)."""
        return np.asarray(self.values[:, self.costs.index(cost)])

    def quantile(self, cost: float, level: float) -> float:
        """Return a quantile over repetitions; NaN where the strategy cannot play."""
        own = self.at(cost)
        return math.nan if np.isnan(own).any() else float(np.quantile(own, level))


def play(
    table: TableOf,
    strategy: Strategy,
    costs: Sequence[float],
    repetitions: int,
    executor: Executor | None = None,
) -> Regrets:
    """Replay a strategy so many times; repetition r is the same game for every strategy.

    Args:
        table: Gives the table of a repetition.
        strategy: What plays.
        costs: Costs in full trainings at which it is asked for its recommendation.
        repetitions: How many games.
        executor: Where to play; None plays here.
    """
    one = partial(_regrets, table, strategy, tuple(costs))
    games = range(repetitions)
    rows = list(map(one, games) if executor is None else executor.map(one, games, chunksize=_CHUNK))
    return Regrets(tuple(costs), np.array(rows, dtype=np.float64).reshape(repetitions, len(costs)))


def ratio_of_medians(
    ours: Sequence[Array], theirs: Sequence[Array], seed: int = 0
) -> tuple[float, float, float]:
    """Return the ratio of two medians with its paired 95 % bootstrap interval: (ratio, low, high).

    Args:
        ours: Per table, regrets by repetition, (R,); medians are summed over tables.
        theirs: Per table, regrets of the same games, (R,).
        seed: Of the resampling, of games within each table.

    Returns:
        Infinite where their median is 0 and ours is not; 1 where both are 0.

    Example:
        >>> ratio_of_medians([np.full(20, 0.1)], [np.full(20, 0.2)])
        (0.5, 0.5, 0.5)
    """
    rng = np.random.default_rng(seed)
    above, below = np.zeros(1 + _RESAMPLED), np.zeros(1 + _RESAMPLED)  # the first is not resampled
    for own, other in zip(ours, theirs, strict=True):
        rows = rng.integers(len(own), size=(_RESAMPLED, len(own)))
        above += np.append(np.median(own), np.median(own[rows], axis=1))
        below += np.append(np.median(other), np.median(other[rows], axis=1))
    ratios = _ratio(above, below)
    low, high = np.quantile(ratios[1:], [0.025, 0.975], method="nearest")
    return float(ratios[0]), float(low), float(high)


def mean_difference(differences: Sequence[Array], seed: int = 0) -> tuple[float, float, float]:
    """Return the mean over tables of mean differences with its 95 % bootstrap interval: (mean, low, high).

    Args:
        differences: Per table, differences of regrets in the same games, (R,).
        seed: Of the resampling, of games within each table: the tables are taken as they are.

    Example:
        >>> mean_difference([np.full(20, 0.25), np.full(10, 0.75)])
        (0.5, 0.5, 0.5)
    """
    rng = np.random.default_rng(seed)
    drawn = [own[rng.integers(len(own), size=(_RESAMPLED, len(own)))].mean(axis=1) for own in differences]
    low, high = np.quantile(np.mean(drawn, axis=0), [0.025, 0.975])
    return float(np.mean([own.mean() for own in differences])), float(low), float(high)


def median_difference(ours: Array, theirs: Array, seed: int = 0) -> tuple[float, float, float]:
    """Return the difference of two medians with its paired 95 % bootstrap interval: (difference, low, high).

    Args:
        ours: Regrets by repetition, (R,).
        theirs: Regrets of the same games, (R,).
        seed: Of the resampling of games.

    Example:
        >>> median_difference(np.full(20, 0.5), np.full(20, 0.25))
        (0.25, 0.25, 0.25)
    """
    rows = np.random.default_rng(seed).integers(len(ours), size=(_RESAMPLED, len(ours)))
    drawn = np.median(ours[rows], axis=1) - np.median(theirs[rows], axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(np.median(ours) - np.median(theirs)), float(low), float(high)


def _ratio(ours: Array, theirs: Array) -> Array:
    safe = np.where(theirs > 0, theirs, 1.0)
    return np.where(theirs > 0, ours / safe, np.where(ours > 0, np.inf, 1.0))


def _regrets(table: TableOf, strategy: Strategy, costs: tuple[float, ...], repetition: int) -> list[float]:
    problem = table(repetition)
    picks = strategy(Game(problem, repetition), costs)
    return [problem.regret(picks[cost]) if cost in picks else math.nan for cost in costs]
