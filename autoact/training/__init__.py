"""Training with Lightning: a callback that searches activations, one silent training, parts of the data."""

from autoact.training._compat import restored_randomness, silence
from autoact.training._forward_passes import ForwardPasses
from autoact.training.callback import (
    ActivationSearch,
    FreeShapes,
    LearnedShape,
    NoMixtureError,
    curvature,
    param_groups,
)
from autoact.training.checkpoints import LoadedWeights, load_weights, remember
from autoact.training.data import DataParts, DoubtfulBatch, GroupBatchSampler, check, overlaps, split
from autoact.training.fit import Measurement, train
from autoact.training.stack import Member, NotStackable, stack_speed, train_stack

__all__ = [
    "ActivationSearch",
    "DataParts",
    "DoubtfulBatch",
    "ForwardPasses",
    "FreeShapes",
    "GroupBatchSampler",
    "LearnedShape",
    "LoadedWeights",
    "Measurement",
    "Member",
    "NoMixtureError",
    "NotStackable",
    "check",
    "curvature",
    "load_weights",
    "overlaps",
    "param_groups",
    "remember",
    "restored_randomness",
    "silence",
    "split",
    "stack_speed",
    "train",
    "train_stack",
]


def __dir__() -> list[str]:
    return sorted(__all__)
