"""Statistics of a verdict: paired comparisons over seeds, looked at once or more often."""

from autoact.search.statistics._looks import SPENT, hopeless, is_hopeless, levels
from autoact.search.statistics._paired import compare, detectable_effect, seeds_needed

__all__ = ["SPENT", "compare", "detectable_effect", "hopeless", "is_hopeless", "levels", "seeds_needed"]
