"""Callback that searches activations in any Lightning training, and the optimizer groups of such models."""

from autoact.training.callback._activation_search import ActivationSearch
from autoact.training.callback._length import planned_steps
from autoact.training.callback._param_groups import param_groups
from autoact.training.callback._schedule import Schedule
from autoact.training.callback._when_built import when_built

__all__ = ["ActivationSearch", "Schedule", "param_groups", "planned_steps", "when_built"]
