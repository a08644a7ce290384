"""Results on real tasks: every fixed activation, the trained mixture, the searched assignment."""

from scripts.benchmarks.results._arms import (
    MIXTURE,
    SEARCHED,
    fixed_arms,
    mixture_value,
    search,
    stack_values,
)
from scripts.benchmarks.results._heatmap import draw
from scripts.benchmarks.results._record import Record, Values
from scripts.benchmarks.results._tables import agreement, every_fixed, markdown

__all__ = [
    "MIXTURE",
    "SEARCHED",
    "Record",
    "Values",
    "agreement",
    "draw",
    "every_fixed",
    "fixed_arms",
    "markdown",
    "mixture_value",
    "search",
    "stack_values",
]
