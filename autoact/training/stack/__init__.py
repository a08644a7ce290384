"""Stack of trainings: many assignments and seeds of any LightningModule as one batched model."""

from typing import TYPE_CHECKING

from autoact._names import public_names
from autoact.training.stack._member import Member, NotStackable
from autoact.training.stack._speed import stack_speed
from autoact.training.stack._train_stack import train_stack
from autoact.training.stack.rows import RowActivations

__all__ = ["Member", "NotStackable", "RowActivations", "stack_speed", "train_stack"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__, __all__)
