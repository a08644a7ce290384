"""Member of a stack: one training among those that are done as one."""

from dataclasses import dataclass

from autoact.spaces import Assignment


class NotStackable(Exception):  # no error: these trainings are done one by one
    """Why trainings cannot be done as one batched model, in one line.

    Example:
        >>> str(NotStackable("training_step draws random numbers"))
        'training_step draws random numbers'
    """


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
