"""Ranking of activations: trained in all layers of several tasks, compared on the same seeds."""

from typing import TYPE_CHECKING

from autoact._names import public_names
from autoact.ranking._opponents import opponents, require_finite
from autoact.ranking._rank_activations import rank_activations
from autoact.ranking._ranking import Ranking
from autoact.ranking._task_ranking import TaskRanking, ranks

__all__ = [
    "Ranking",
    "TaskRanking",
    "opponents",
    "rank_activations",
    "ranks",
    "require_finite",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__, __all__)
