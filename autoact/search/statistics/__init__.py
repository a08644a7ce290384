"""Statistics of a verdict: paired comparisons over seeds and rows, looked at once or more often."""

from autoact.search.statistics._looks import SPENT, hopeless, is_hopeless, levels, share_of_rows
from autoact.search.statistics._paired import compare, compare_trainings
from autoact.search.statistics._power import detectable, seeds_needed
from autoact.search.statistics._several import holm
from autoact.search.statistics._spread import Spread, variances

__all__ = [
    "SPENT",
    "Spread",
    "compare",
    "compare_trainings",
    "detectable",
    "holm",
    "hopeless",
    "is_hopeless",
    "levels",
    "seeds_needed",
    "share_of_rows",
    "variances",
]
