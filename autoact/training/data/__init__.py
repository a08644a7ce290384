"""Data of a search: a user's loaders or data module, divided into parts, and checked."""

from autoact.training.data._check import DoubtfulBatch, check
from autoact.training.data._halves import halve
from autoact.training.data._overlap import overlaps
from autoact.training.data._parts import DataParts, OpenLoaders, OpenModule, Part, generators, split

__all__ = [
    "DataParts",
    "DoubtfulBatch",
    "OpenLoaders",
    "OpenModule",
    "Part",
    "check",
    "generators",
    "halve",
    "overlaps",
    "split",
]
