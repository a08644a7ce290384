"""Statistics of a verdict: paired comparisons over seeds, and the differences that they can see."""

from autoact.search.statistics._paired import compare, detectable_effect, seeds_needed

__all__ = ["compare", "detectable_effect", "seeds_needed"]
