"""Tasks that a command line asks for, on which activations are ranked."""

import argparse
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoact.cli._named_model import imported
from autoact.cli._request import check_table, settings_in_files
from autoact.errors import ConfigurationError

if TYPE_CHECKING:
    from autoact.training.tasks import Task


def asked_tasks(options: argparse.Namespace) -> "list[Task]":
    """Return the tasks, with the network of `--model` where they take one."""
    from autoact.training.tasks import TASKS

    check_table(options)
    tasks = [_task(name) for name in options.tasks] if options.tasks else list(TASKS.values())
    if options.data:
        tasks.append(_of_data(options))
    if not options.model:
        return tasks
    network = imported(options.model, "--model")
    if not callable(network):
        raise ConfigurationError(f"--model {options.model} is not callable; it must make a network.")
    tables = [_with_network(task, network) for task in tasks if _is_table(task)]
    if not tables:
        raise ConfigurationError("--model belongs to tables, such as --tasks cancer; there is none.")
    return tables


def _task(name: str) -> "Task":
    from autoact.training.tasks import Task, get_task

    if Path(name).suffix in (".yaml", ".yml"):
        return _of_configuration(name)
    if ":" not in name:
        return get_task(name)
    found = imported(name, "--tasks")
    found = found if isinstance(found, Task) else found() if callable(found) else found
    if not isinstance(found, Task):
        raise ConfigurationError(
            f"--tasks {name} is of {type(found).__name__}; it must be an autoact.training.tasks.Task, or "
            "return one. A network alone is trained on the tables with --model."
        )
    return found


def _of_configuration(name: str) -> "Task":
    from autoact.search import Settings
    from autoact.training.configuration import load_configuration
    from autoact.training.tasks import Task

    found = load_configuration(name, settings_in_files())
    judged = {key: found.search[key] for key in ("monitor", "mode") if key in found.search}
    settings = Settings.of({"monitor": "val_loss", **judged})
    data: Any = found.data
    return Task(
        name=Path(name).stem,
        model=found.model,
        data=data,
        monitor=settings.monitor,
        mode=settings.direction,
        trainer=found.trainer,
    )


def _of_data(options: argparse.Namespace) -> "Task":
    from autoact.tabular import load_task
    from autoact.training.tasks import Task

    found = load_task(
        options.data,
        options.target,
        problem=options.problem,
        groups=options.groups,
        time=options.time,
        seed=options.seed or 0,
    )
    data: Any = found.data
    judged = {key: found.settings[key] for key in ("monitor", "mode", "trainer")}
    return Task(name=found.name, model=found.model, data=data, **judged)


def _is_table(task: "Task") -> bool:
    from autoact.training.tasks import Perceptron

    return isinstance(task.model, partial) and task.model.func is Perceptron


def _with_network(task: "Task", network: Callable[[int, int], Any]) -> "Task":
    """Return a table's task with another network."""
    assert isinstance(task.model, partial)
    if task.model.keywords.get("folds", 1) > 1:
        raise ConfigurationError(
            f"{task.name} has so few rows that folds are trained side by side, which --model does not do. "
            "Leave out one of the two."
        )
    return replace(task, model=partial(task.model, network=network))
