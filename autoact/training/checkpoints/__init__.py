"""Checkpoints of models whose activations were changed: written, loaded, and carried across a conversion."""

from autoact.training.checkpoints._conversions import (
    instantiate,
    instantiate_from_cli,
    remember,
    restore_into,
)
from autoact.training.checkpoints._weights import LoadedWeights, load_weights

__all__ = [
    "LoadedWeights",
    "instantiate",
    "instantiate_from_cli",
    "load_weights",
    "remember",
    "restore_into",
]
