"""Compared strategies by the name that results show, and where each of them plays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from scripts.benchmarks.replay._search import Search
from scripts.benchmarks.replay._strategies import (
    MeanOf,
    OneSeed,
    function_space,
    gaussian_process,
    random_search,
    tpe,
)
from scripts.benchmarks.replay._study import Strategy
from scripts.benchmarks.replay._tournament import Regrets, TableOf, play

OURS, SAMPLER, BASE, RANDOM = "autoact", "FunctionSpaceSampler", "TPE, best trial", "random, best trial"
PAIRED_BASE = "TPE, best trial, one seed"
ORACLE = "oracle: best mean of n"
HALF, TENTH = "half of the noise", "a tenth of the noise"  # which no search can have: what the noise costs
MIXTURE = "uniform softmax / projection"  # what a run trains
BAR_COST = 20.0  # at which ingredients are compared and the bar stands
_REPEATS = (1, 2, 3, 4, 5, 6, 8, 10)  # n of the oracle, who knows afterwards which one was best
_DISTANCE = frozenset({"smooth", "smooth interactions"})
_INTERACTIONS = frozenset({"smooth interactions", "free interactions"})


@dataclass(frozen=True, slots=True)
class Row:
    """A strategy, and where it plays.

    Attributes:
        play: Gives its regrets: (table, costs, repetitions, executor).
        once: Whether it is asked at one cost only, and plays half of the games.
        stored: Whether it has a meaning on stored tables only, which have priors and paired seeds.
    """

    play: Callable[[TableOf, Sequence[float], int, Executor | None], Regrets]
    once: bool = False
    stored: bool = False


def compared(prior: str) -> dict[str, Row]:
    """Return all strategies by name."""
    return {
        RANDOM: Row(playing(random_search)),
        BASE: Row(playing(tpe)),
        PAIRED_BASE: Row(playing(OneSeed(tpe)), stored=True),
        SAMPLER: Row(playing(function_space)),
        OURS: Row(playing(Search(prior=prior))),
        **{f"best mean of {n}": Row(playing(MeanOf(n))) for n in (2, 3)},
        ORACLE: Row(oracle),
        "without mixture": Row(playing(Search()), True, True),
        "without distance": Row(playing(Search(prior=prior, without=_DISTANCE)), once=True),
        "without interactions": Row(playing(Search(prior=prior, without=_INTERACTIONS)), once=True),
        "best trial, not posterior mean": Row(playing(Search(prior=prior, posterior=False)), True, True),
        "a seed for every training": Row(playing(Search(prior=prior, seeds=0)), True, True),
        "one seed": Row(playing(Search(prior=prior, seeds=1)), True, True),
        "four seeds": Row(playing(Search(prior=prior, seeds=4)), True, True),
        HALF: Row(playing(Search(prior=prior, repeats=2)), True, True),
        TENTH: Row(playing(Search(prior=prior, repeats=10)), True, True),
        "Optuna GP, best trial": Row(playing(gaussian_process), True, True),
    }


def playing(strategy: Strategy) -> Callable[..., Regrets]:
    """Return what replays a strategy."""

    def played(
        table: TableOf, costs: Sequence[float], repetitions: int, executor: Executor | None
    ) -> Regrets:
        return play(table, strategy, costs, repetitions, executor)

    return played


def oracle(table: TableOf, costs: Sequence[float], repetitions: int, executor: Executor | None) -> Regrets:
    """Play the mean of n random assignments for many n, and keep the one of the best median at each cost."""
    played = [play(table, MeanOf(n), costs, repetitions, executor) for n in _REPEATS]
    medians = np.array([np.median(own.values, axis=0) for own in played])  # NaN where n trainings cost more
    best = np.nanargmin(medians, axis=0)
    chosen = [played[n].values[:, place] for place, n in enumerate(best)]
    return Regrets(tuple(costs), np.stack(chosen, axis=1))
