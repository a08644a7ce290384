"""Member of a stack: one training among those that are done as one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from autoact.errors import first_line
from autoact.spaces import Assignment


class NotStackable(Exception):  # no error: these trainings are done one by one
    """Why trainings cannot be done as one batched model, in one line.

    Example:
        >>> str(NotStackable("training_step draws random numbers"))
        'training_step draws random numbers'
    """


class NotAtOnce(NotStackable):
    """Why the networks of a stack are validated one by one, in one line; they are trained as one."""


class NotPlain(Exception):
    """What is logged is more than a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One training of a stack.

    Attributes:
        assignment: Activations to give to the model; None leaves it as it is.
        seed: Decides initial weights and data order, as in `train`.
        comparison: Whether to measure on the comparison data after the training.

    Example:
        >>> Member(assignment=Assignment({"net.1": "tanh"}), seed=1).comparison
        False
    """

    assignment: Assignment | None
    seed: int
    comparison: bool = False


@contextmanager
def unstackable(place: str = "") -> Iterator[None]:
    """Let what goes wrong say that there is no stack: trainings one by one go well, or say more.

    Args:
        place: Where it may go wrong, to begin the line with.

    Raises:
        NotStackable: The first line of what was raised.
        torch.OutOfMemoryError: On any device.

    Example:
        >>> try:
        ...     with unstackable("training_step"):
        ...         raise ValueError("no such class")
        ... except NotStackable as reason:
        ...     print(reason)
        training_step does not run for many networks at once: no such class
    """
    try:
        yield
    except (NotStackable, torch.OutOfMemoryError):
        raise
    except Exception as error:  # of the user's code, or of torch.vmap that cannot run it
        line = first_line(error)
        if isinstance(error, MemoryError) or "allocate memory" in line or "not enough memory" in line:
            raise torch.OutOfMemoryError(line) from error
        if isinstance(error, NotPlain):
            raise NotStackable(f"{place} {line}") from error
        if "random operation" in line:
            raise NotStackable(f"{place} draws random numbers") from error
        raise NotStackable(
            f"{place} does not run for many networks at once: {line}" if place else line
        ) from error
