"""Stack size of a search: how many trainings are done as one, and how many are worth the time of 20 alone."""

from dataclasses import replace
from itertools import cycle, islice

from autoact.activations import PLAIN
from autoact.errors import OF_USERS, in_one_line
from autoact.records import Stack
from autoact.search.setup import BUDGET, MOST_STACKED, Settings, Variables
from autoact.search.trainings import ModelTask, ObjectiveTask, Undone
from autoact.training.fit import devices_of
from autoact.training.stack import stack_speed

ROUND, MOST = 8, 32  # trials that are asked for at once; trainings of a stack whose members are known before
_FASTER = 1.1  # from here on a stack is worth that its trials are chosen at once


def stack_for(task: ModelTask | ObjectiveTask, settings: Settings, variables: Variables) -> Stack:
    """Return how many trainings to do as one; that they can be, and how fast, is measured.

    Trials come in rounds where that buys more of them; with a given budget only those trainings are stacked
    that are known before, baselines and confirmation, and the first trials, before which nothing is known.

    Args:
        task: The model and its data; a function trains by itself.
        settings: The settings.
        variables: The layers, whose uniform assignments are measured.
    """
    if settings.stack == "off" or not isinstance(task, ModelTask):
        return Stack()
    if devices_of(settings.trainer) > 1:
        return Stack(reason="each has several devices")
    if PLAIN in variables.names:
        return Stack(reason="plain blocks have weights of other shapes than gated ones")
    if settings.pruner is not None:
        return Stack(reason="a pruner may end a training early")
    if settings.stack != "auto":
        return _measured(task, variables, settings.stack)
    found = _measured(task, variables, ROUND)
    if found.size > 1 and found.gain <= _FASTER:
        reason = f"{found.round} as one take {1 / found.gain:.1f} times as long as one by one"
        return Stack(speed=found.speed, reason=reason)
    found = replace(found, size=MOST) if found.size == ROUND else found
    # as many trials choose worse when they are asked for in rounds; more of them choose better
    return found if settings.budget is None else replace(found, round=1)


def _measured(task: ModelTask, variables: Variables, size: int) -> Stack:
    """Measure stacks of a size, and of half of it as long as memory does not suffice."""
    try:
        speed = stack_speed(
            task.make_module,
            task.parts,
            monitor=task.monitor,
            trainer=task.trainer,
            assignments=list(islice(cycle(map(variables.uniform, variables.names)), size)),
            size=size,
        )
    except OF_USERS as error:  # the user's code in a stack; the probe has shown it alone
        why = Undone(in_one_line(error))
        return _measured(task, variables, size // 2) if why.in_memory and size > 3 else Stack(reason=why.why)
    return Stack(size=size, round=size, speed=float(speed)) if speed > 0 else Stack(reason=speed.reason)


def budget_for(settings: Settings, stack: Stack) -> int:
    """Return the full trainings of the search: without a given number, what takes the time of 20 alone.

    Args:
        settings: The settings.
        stack: How many are done as one; those that each have hyperparameters of their own never are.

    Example:
        >>> budget_for(Settings(), Stack(size=8, round=8, speed=3.2)), budget_for(Settings(budget=9), Stack())
        (64, 9)
    """
    if settings.budget is not None or settings.parameters:
        return settings.planned_budget
    return min(max(round(BUDGET * stack.gain), BUDGET), MOST_STACKED)
