"""The search: a mixture as prior, short and full trainings, baselines, fresh seeds, a verdict."""

from autoact.search.optimizer import FunctionSpaceSampler
from autoact.search.outcome import SearchResult
from autoact.search.plan import SearchPlan
from autoact.search.run import run_search
from autoact.search.run_directory import RunDirectory
from autoact.search.verdict import Comparison, compare

__all__ = [
    "Comparison",
    "FunctionSpaceSampler",
    "RunDirectory",
    "SearchPlan",
    "SearchResult",
    "compare",
    "run_search",
]
