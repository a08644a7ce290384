"""Replays of search strategies on tables: what each would have found, at what cost."""

from autoact.search.replay.game import Game
from autoact.search.replay.strategies import (
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
from autoact.search.replay.tournament import Regrets, mean_difference, play, ratio_of_medians

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
