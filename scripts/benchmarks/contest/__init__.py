"""Contest of a mixture with what it replaces: contestants, models that use them, times taken in turns."""

from scripts.benchmarks.contest._arena import LIST, Arena, Run, candidate_sets
from scripts.benchmarks.contest._models import models, training_step
from scripts.benchmarks.contest._turns import Row, best, in_turns, ratio, row, shown

__all__ = [
    "LIST",
    "Arena",
    "Row",
    "Run",
    "best",
    "candidate_sets",
    "in_turns",
    "models",
    "ratio",
    "row",
    "shown",
    "training_step",
]
