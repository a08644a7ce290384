"""Tasks that come with autoact: models and data as a user would write them, with settings that suit them.

>>> get_task("digits").monitor
'val_loss'
"""

from autoact.training.tasks._digits import DigitsData, DigitsModel
from autoact.training.tasks._named_tasks import TASKS, Task, get_task
from autoact.training.tasks._perceptron import FoldLinear, Perceptron
from autoact.training.tasks._table_rows import (
    Rows,
    cancer,
    clusters,
    diabetes,
    friedman,
    spirals,
    standardized,
    three_parts,
)

__all__ = [
    "TASKS",
    "DigitsData",
    "DigitsModel",
    "FoldLinear",
    "Perceptron",
    "Rows",
    "Task",
    "cancer",
    "clusters",
    "diabetes",
    "friedman",
    "get_task",
    "spirals",
    "standardized",
    "three_parts",
]
