"""Table of the tasks by name."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import lightning as L

from autoact.errors import ConfigurationError
from autoact.training.tasks import _table_rows as tables
from autoact.training.tasks._digits import DigitsData, DigitsModel
from autoact.training.tasks._perceptron import Perceptron


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What `autoact search --task NAME` runs.

    Attributes:
        name: The name on the command line.
        model: Makes a fresh LightningModule.
        data: Makes the LightningDataModule; may be None where the model makes its own loaders.
        monitor: The validation metric that is searched for.
        mode: Whether the metric is to become small ("min") or large ("max").
        trainer: Keyword arguments of `lightning.Trainer`.
        search: Settings of the search that the command line may replace.
    """

    name: str
    model: Callable[[], L.LightningModule]
    data: Callable[[], L.LightningDataModule]
    monitor: str
    mode: str
    trainer: Mapping[str, Any] = field(default_factory=dict)
    search: Mapping[str, Any] = field(default_factory=dict)


def _table(
    name: str,
    rows: Callable[[], tables.Rows],
    inputs: int,
    outputs: int,
    lr: float,
    batch_size: int,
    epochs: int,
    hidden: tuple[int, ...] = (32, 32, 32),
) -> Task:
    """Return the task of a table: 1 output is a regression of a standardized number."""
    return Task(
        name=name,
        model=partial(
            Perceptron, inputs, outputs, hidden=hidden, lr=lr, dropout=0.0, classification=outputs > 1
        ),
        data=partial(tables.RowsData, rows, batch_size),
        monitor="val_loss",
        mode="min",
        trainer={"max_epochs": epochs, "check_val_every_n_epoch": epochs, "accelerator": "cpu"},
    )


TASKS: Mapping[str, Task] = {
    task.name: task
    for task in (
        Task(
            name="digits",
            model=DigitsModel,
            data=DigitsData,
            monitor="val_loss",
            mode="min",
            trainer={"max_epochs": 20, "accelerator": "cpu"},
        ),
        _table("cancer", tables.cancer, 30, 2, lr=2e-3, batch_size=32, epochs=16),
        _table("diabetes", tables.diabetes, 10, 1, lr=2e-3, batch_size=32, epochs=16),
        _table("friedman", tables.friedman, 10, 1, lr=5e-3, batch_size=64, epochs=16),
        _table("clusters", tables.clusters, 20, 4, lr=5e-3, batch_size=64, epochs=16),
        _table("spirals", tables.spirals, 2, 2, lr=5e-3, batch_size=32, epochs=64, hidden=(24, 24)),
    )
}


def get_task(name: str) -> Task:
    """Return the task of this name.

    Raises:
        ConfigurationError: If there is none; the message lists those there are.

    Example:
        >>> get_task("digits").model().net[1]
        ReLU()
    """
    if name not in TASKS:
        near = difflib.get_close_matches(name, TASKS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ConfigurationError(
            f"No task named {name!r}.{hint} Tasks: {', '.join(TASKS)}; own models: a config.yaml"
        )
    return TASKS[name]
