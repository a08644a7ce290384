"""Set-up of a search: settings, seeds, variables, the configuration file of a run."""

from autoact.search.setup._configuration import configuration, require_same
from autoact.search.setup._counts import FIRST_TRAININGS, FRONT, Counts
from autoact.search.setup._earlier_choices import Like, tried_first
from autoact.search.setup._execution import ExecutorSetting
from autoact.search.setup._extension import extended, resumed
from autoact.search.setup._fingerprint import changes, fingerprint, require_same_problem
from autoact.search.setup._hyperparameters import Hyperparameter, Hyperparameters
from autoact.search.setup._mode import Mode, doubtful_mode, inferred_mode
from autoact.search.setup._seeds import RACED, Seeds, least_tuning, seeds_for
from autoact.search.setup._settings import (
    BUDGET,
    MOST_STACKED,
    Settings,
    SettingsOptions,
    StackSize,
    looks_until,
)
from autoact.search.setup._storage_urls import hide_password, without_password
from autoact.search.setup._variables import Variables

__all__ = [
    "BUDGET",
    "FIRST_TRAININGS",
    "FRONT",
    "MOST_STACKED",
    "RACED",
    "Counts",
    "ExecutorSetting",
    "Hyperparameter",
    "Hyperparameters",
    "Like",
    "Mode",
    "Seeds",
    "Settings",
    "SettingsOptions",
    "StackSize",
    "Variables",
    "changes",
    "configuration",
    "doubtful_mode",
    "extended",
    "fingerprint",
    "hide_password",
    "inferred_mode",
    "least_tuning",
    "looks_until",
    "require_same",
    "require_same_problem",
    "resumed",
    "seeds_for",
    "tried_first",
    "without_password",
]
