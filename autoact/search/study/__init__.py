"""Study of a search: Optuna's, rebuilt from the ledger, asked and told by one loop, exported."""

from autoact.search.study._context import CHOICE, MEMBER, ORIGINAL, SELECTED, Search
from autoact.search.study._domain import Domain
from autoact.search.study._export import (
    check_storage,
    load_storages,
    quiet_optuna,
    sqlite_storage,
    what_failed,
)
from autoact.search.study._loop import run_trials
from autoact.search.study._study import Study

__all__ = [
    "CHOICE",
    "MEMBER",
    "ORIGINAL",
    "SELECTED",
    "Domain",
    "Search",
    "Study",
    "check_storage",
    "load_storages",
    "quiet_optuna",
    "run_trials",
    "sqlite_storage",
    "what_failed",
]
