"""Data of a search: a user's loaders or data module, divided into parts, and checked."""

from autoact.training.data._check import DoubtfulBatch, check
from autoact.training.data._followed import follows
from autoact.training.data._group_batches import GroupBatchSampler, has_groups
from autoact.training.data._halves import halve
from autoact.training.data._opened import Opened, Part, TrainerData
from autoact.training.data._overlap import overlaps
from autoact.training.data._own_loaders import has_loader, require_loaders
from autoact.training.data._parts import DataParts, generators, split
from autoact.training.data._random_states import random_state, set_random_state

__all__ = [
    "DataParts",
    "DoubtfulBatch",
    "GroupBatchSampler",
    "Opened",
    "Part",
    "TrainerData",
    "check",
    "follows",
    "generators",
    "halve",
    "has_groups",
    "has_loader",
    "overlaps",
    "random_state",
    "require_loaders",
    "set_random_state",
    "split",
]
