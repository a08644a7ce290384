"""Replays of search strategies on tables: what each would have found, at what cost."""

from scripts.benchmarks.replay._game import Game
from scripts.benchmarks.replay._strategies import (
    MeanOf,
    OneSeed,
    Picks,
    Rungs,
    Strategy,
    function_space,
    gaussian_process,
    random_search,
    tpe,
)
from scripts.benchmarks.replay._tournament import Regrets, mean_difference, play, ratio_of_medians

__all__ = [
    "Game",
    "MeanOf",
    "OneSeed",
    "Picks",
    "Regrets",
    "Rungs",
    "Strategy",
    "function_space",
    "gaussian_process",
    "mean_difference",
    "play",
    "random_search",
    "ratio_of_medians",
    "tpe",
]
