"""Trainings of a search: what they share, who does them, and what is shown of them."""

from autoact.search.trainings._arguments import Copied, own_values, with_values
from autoact.search.trainings._objective import (
    OBJECTIVE,
    Layers,
    Objective,
    ObjectiveTask,
    check_objective,
    layers_of,
)
from autoact.search.trainings._performing import (
    NO_EXTRAS,
    Extras,
    ModelTask,
    Task,
    Undone,
    ended,
    perform,
    told,
)
from autoact.search.trainings._progress import SearchProgress
from autoact.search.trainings._pruning import STUDY_NAME, Pruning
from autoact.search.trainings._runner import Job, Over, Trainings, never
from autoact.search.trainings._sending import require_picklable
from autoact.search.trainings._time_limit import TimeLimit, spent
from autoact.search.trainings._trial_log import log_trial
from autoact.search.trainings._worker import require_no_import
from autoact.search.trainings._workers import Executor, Inline, executor_for, threads_as_in

__all__ = [
    "NO_EXTRAS",
    "OBJECTIVE",
    "STUDY_NAME",
    "Copied",
    "Executor",
    "Extras",
    "Inline",
    "Job",
    "Layers",
    "ModelTask",
    "Objective",
    "ObjectiveTask",
    "Over",
    "Pruning",
    "SearchProgress",
    "Task",
    "TimeLimit",
    "Trainings",
    "Undone",
    "check_objective",
    "ended",
    "executor_for",
    "layers_of",
    "log_trial",
    "never",
    "own_values",
    "perform",
    "require_no_import",
    "require_picklable",
    "spent",
    "threads_as_in",
    "told",
    "with_values",
]
