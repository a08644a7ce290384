"""Stacks: trainings of one model that are done as one batched model."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from autoact.training.data import DataParts
from autoact.training.fit import Measurement, train
from autoact.training.stack._member import Member, NotStackable

__all__ = ["Member", "NotStackable", "stack_speed", "train_stack"]


def train_stack(
    make_module: Callable[[], Any],
    data: DataParts,
    members: Sequence[Member],
    *,
    monitor: str,
    trainer: Mapping[str, Any],
) -> list[Measurement]:
    """Train each plainly."""
    return [
        train(
            make_module,
            data,
            seed=member.seed,
            monitor=monitor,
            trainer=trainer,
            assignment=member.assignment,
            comparison=member.comparison,
        )
        for member in members
    ]


def stack_speed(
    make_module: Callable[[], Any],
    data: DataParts,
    *,
    monitor: str,
    trainer: Mapping[str, Any],
    assignments: Sequence[Any],
    size: int,
) -> float:
    """Return 0."""
    time.sleep(0)
    return 0.0


def __dir__() -> list[str]:
    return sorted(__all__)
