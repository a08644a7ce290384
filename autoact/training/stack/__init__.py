"""Stack of trainings: many assignments and seeds of any LightningModule as one batched model."""

from autoact.training.stack._member import Member, NotStackable
from autoact.training.stack.rows import RowActivations
from autoact.training.stack._speed import stack_speed
from autoact.training.stack._train_stack import train_stack

__all__ = ["Member", "NotStackable", "RowActivations", "stack_speed", "train_stack"]
