"""Tasks that come with autoact: models and data as a user would write them, with settings that suit them.

>>> get_task("digits").monitor
'val_loss'
"""

from autoact.training.tasks._digits import DigitsData, DigitsModel
from autoact.training.tasks._perceptron import FoldLinear, Perceptron
from autoact.training.tasks._task import TASKS, Task, get_task

__all__ = ["TASKS", "DigitsData", "DigitsModel", "FoldLinear", "Perceptron", "Task", "get_task"]
