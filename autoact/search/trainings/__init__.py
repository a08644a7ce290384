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
from autoact.search.trainings._performing import Extras, ModelTask, Task, ended, perform
from autoact.search.trainings._progress import SearchProgress
from autoact.search.trainings._pruning import STUDY_NAME, Pruning
from autoact.search.trainings._runner import Trainings, first_finished
from autoact.search.trainings._time_limit import TimeLimit, spent
from autoact.search.trainings._trial_log import log_trial
from autoact.search.trainings._workers import require_picklable, threads_as_in

__all__ = [
    "OBJECTIVE",
    "STUDY_NAME",
    "Copied",
    "Extras",
    "Layers",
    "ModelTask",
    "Objective",
    "ObjectiveTask",
    "Pruning",
    "SearchProgress",
    "Task",
    "TimeLimit",
    "Trainings",
    "check_objective",
    "ended",
    "first_finished",
    "layers_of",
    "log_trial",
    "own_values",
    "perform",
    "require_picklable",
    "spent",
    "threads_as_in",
    "with_values",
]
