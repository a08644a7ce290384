"""Callback that searches activations in any Lightning training, and the optimizer groups of such models."""

from autoact.training.callback._activation_optimizer import param_groups
from autoact.training.callback._activation_search import ActivationSearch
from autoact.training.callback._free_shapes import FreeShapes, LearnedShape, curvature
from autoact.training.callback._schedule import Schedule
from autoact.training.callback._support import NoMixtureError

__all__ = [
    "ActivationSearch",
    "FreeShapes",
    "LearnedShape",
    "NoMixtureError",
    "Schedule",
    "curvature",
    "param_groups",
]
