"""Modules and data as users write them, for searches in tests; importable by worker processes."""

from collections.abc import Sequence

from torch import nn

from autoact.conversion import find_layers
from autoact.search.variables import Variables
from autoact.spaces import SearchSpace


def network(*activations: nn.Module, head: Sequence[nn.Module] = ()) -> nn.Module:
    """Return a model with the activations at net.1, net.3, ... and head.1, head.3, ..."""

    def stack(modules: Sequence[nn.Module]) -> nn.Sequential:
        return nn.Sequential(*(layer for module in modules for layer in (nn.Linear(3, 3), module)))

    model = nn.Sequential()
    model.add_module("net", stack(activations))
    model.add_module("head", stack(head))
    return model


def variables(model: nn.Module, space: SearchSpace) -> Variables:
    """Return the variables of a model in a space."""
    return Variables.of(find_layers(model, space))
