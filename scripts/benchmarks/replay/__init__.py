"""Replays of search strategies on tables: what each would have found, at what cost."""

from scripts.benchmarks.replay._compared import (
    BAR_COST,
    BASE,
    HALF,
    MIXTURE,
    ORACLE,
    OURS,
    RANDOM,
    SAMPLER,
    TENTH,
    Row,
    compared,
    playing,
)
from scripts.benchmarks.replay._figure import draw
from scripts.benchmarks.replay._game import Game
from scripts.benchmarks.replay._search import Search, uniform_assignments
from scripts.benchmarks.replay._strategies import (
    MeanOf,
    OneSeed,
    function_space,
    gaussian_process,
    random_search,
    tpe,
)
from scripts.benchmarks.replay._study import Picks, Strategy, best_trial, new_study, picks, tell_mean
from scripts.benchmarks.replay._summary import Results, groups, noise, ratio, summary
from scripts.benchmarks.replay._tournament import (
    Regrets,
    TableOf,
    mean_difference,
    median_difference,
    play,
    ratio_of_medians,
)

__all__ = [
    "BAR_COST",
    "BASE",
    "HALF",
    "MIXTURE",
    "ORACLE",
    "OURS",
    "RANDOM",
    "SAMPLER",
    "TENTH",
    "Game",
    "MeanOf",
    "OneSeed",
    "Picks",
    "Regrets",
    "Results",
    "Row",
    "Search",
    "Strategy",
    "TableOf",
    "best_trial",
    "compared",
    "draw",
    "function_space",
    "gaussian_process",
    "groups",
    "mean_difference",
    "median_difference",
    "new_study",
    "noise",
    "picks",
    "play",
    "playing",
    "random_search",
    "ratio",
    "ratio_of_medians",
    "summary",
    "tell_mean",
    "tpe",
    "uniform_assignments",
]
