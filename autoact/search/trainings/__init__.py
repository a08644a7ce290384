"""Trainings of a search: what they share, how one is done, and what is shown of them."""

from autoact.search.trainings._arguments import Copied, own_values, with_values
from autoact.search.trainings._interruption import SIGNALS, interruptible
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
    Ended,
    Extras,
    ModelTask,
    Task,
    Undone,
    failed,
    perform_stack,
)
from autoact.search.trainings._progress import SearchProgress
from autoact.search.trainings._pruning import STUDY_NAME, Pruning
from autoact.search.trainings._runner import Executor, Job, Over, Trainings, never
from autoact.search.trainings._time_limit import TimeLimit, spent
from autoact.search.trainings._training_log import ROLE, log_training
from autoact.search.trainings._user_code import callable_of, checked, module_of, parts_of, raised

__all__ = [
    "NO_EXTRAS",
    "OBJECTIVE",
    "ROLE",
    "SIGNALS",
    "STUDY_NAME",
    "Copied",
    "Ended",
    "Executor",
    "Extras",
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
    "callable_of",
    "check_objective",
    "checked",
    "failed",
    "interruptible",
    "layers_of",
    "log_training",
    "module_of",
    "never",
    "own_values",
    "parts_of",
    "perform_stack",
    "raised",
    "spent",
    "with_values",
]
