"""Stack size of a search: how many trainings are done as one, and how many are worth the time of 20 alone."""

from itertools import cycle, islice

from autoact.records import Stack
from autoact.search.setup import BUDGET, MOST_STACKED, Settings, Variables
from autoact.search.trainings import ModelTask, ObjectiveTask
from autoact.training.stack import stack_speed

USUAL = 8  # trainings of a stack
_FASTER = 1.1  # from here on a stack is worth its rounds


def stack_for(task: ModelTask | ObjectiveTask, settings: Settings, variables: Variables) -> Stack:
    """Return how many trainings to do as one; measure it, if that is left to the search.

    Args:
        task: The model and its data; a function trains by itself.
        settings: The settings.
        variables: The layers, whose uniform assignments are measured.
    """
    if settings.stack == "off" or not isinstance(task, ModelTask):
        return Stack()
    if settings.pruner is not None:
        return Stack(reason="a pruner may end a training early")
    size = USUAL if settings.stack == "auto" else settings.stack
    speed = stack_speed(
        task.make_module,
        task.parts,
        monitor=task.monitor,
        trainer=task.trainer,
        assignments=list(islice(cycle(map(variables.uniform, variables.names)), size)),
        size=size,
    )
    if speed <= 0:
        return Stack(reason="the model's steps cannot be batched")
    if settings.stack == "auto" and speed <= _FASTER:
        return Stack(speed=speed, reason=f"{size} as one take {speed:.1f} times as little time")
    return Stack(size=size, speed=speed)


def budget_for(settings: Settings, stack: Stack) -> int:
    """Return the full trainings of the search: without a given number, what takes the time of 20 alone.

    Args:
        settings: The settings.
        stack: How many are done as one; those that each have hyperparameters of their own never are.

    Example:
        >>> budget_for(Settings(), Stack(size=8, speed=3.2)), budget_for(Settings(budget=9), Stack())
        (64, 9)
    """
    if settings.budget is not None or settings.parameters:
        return settings.planned_budget
    return min(max(round(BUDGET * stack.gain), BUDGET), MOST_STACKED)
