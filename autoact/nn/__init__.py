"""Layers of a model: one that learns its activation, and plain ones for a chosen activation."""

from autoact.nn._auto import AutoActivation
from autoact.nn._deriving import DoubtfulChoiceWarning, warn_of
from autoact.nn._fixed import FixedActivation, InPlace, keeps_result, module_for
from autoact.nn._precision import is_sharded

__all__ = [
    "AutoActivation",
    "DoubtfulChoiceWarning",
    "FixedActivation",
    "InPlace",
    "is_sharded",
    "keeps_result",
    "module_for",
    "warn_of",
]


def __dir__() -> list[str]:
    return sorted(__all__)
