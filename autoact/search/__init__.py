"""Search: a mixture, trials of assignments, baselines, fresh seeds, a verdict."""

from autoact.records import Comparison, RunDirectory
from autoact.search._api import run_search
from autoact.search.optimizer import FunctionSpaceSampler
from autoact.search.outcome import SearchResult, TrainingTable, load_run
from autoact.search.phases import SearchPlan
from autoact.search.setup import Settings
from autoact.search.statistics import compare

__all__ = [
    "Comparison",
    "FunctionSpaceSampler",
    "RunDirectory",
    "SearchPlan",
    "SearchResult",
    "Settings",
    "TrainingTable",
    "compare",
    "load_run",
    "run_search",
]


def __dir__() -> list[str]:
    return sorted(__all__)
