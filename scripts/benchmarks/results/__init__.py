"""Results on real tasks: every fixed activation, the trained mixture, the searched assignment."""

from scripts.benchmarks.results._arms import (
    MIXTURE,
    SEARCHED,
    fixed_arms,
    mixture_value,
    module_of,
    search,
    stack_values,
)
from scripts.benchmarks.results._heatmap import draw
from scripts.benchmarks.results._record import Record, Values
from scripts.benchmarks.results._tables import agreement, best_fixed, every_fixed, markdown, ranks

__all__ = [
    "MIXTURE",
    "SEARCHED",
    "Record",
    "Values",
    "agreement",
    "best_fixed",
    "draw",
    "every_fixed",
    "fixed_arms",
    "markdown",
    "mixture_value",
    "module_of",
    "ranks",
    "search",
    "stack_values",
]
