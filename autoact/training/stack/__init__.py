"""Stacks: trainings of one model that are done as one batched model."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from autoact.training.data import DataParts
from autoact.training.fit import Measurement, train
from autoact.training.stack._member import Member, NotStackable

__all__ = ["Member", "NotStackable", "stack_speed", "train_stack"]


class Speed(float):
    """A ratio of times, with the reason where it is 0."""

    reason: str

    def __new__(cls, ratio: float, reason: str = "") -> "Speed":
        made = super().__new__(cls, ratio)
        made.reason = reason
        return made


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
) -> Speed:
    """Return 0."""
    return Speed(0.0, "the stack is not merged yet")


def __dir__() -> list[str]:
    return sorted(__all__)
