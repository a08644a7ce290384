"""Conversion of models: find their layers, convert them, derive and apply an assignment, finalize."""

from typing import TYPE_CHECKING

from autoact._names import public_names
from autoact.conversion._apply import (
    apply,
    auto_layers,
    derive,
    finalize,
    follow_sources,
    occupy,
    original_assignment,
)
from autoact.conversion._conversion_plan import ConversionPlan, SpaceLike, find_layers
from autoact.conversion._convert import SharingWarning, convert, warn_of_sharing
from autoact.conversion._placement import unwrapped
from autoact.conversion._recipe import recipe, replay, restore
from autoact.conversion._rollback import all_or_nothing
from autoact.conversion.probing import Probes, Watch, warn_of_idle
from autoact.conversion.saving import KEY
from autoact.conversion.saving._model_configuration import (
    named_in_configuration,
    restore_from_configuration,
)

__all__ = [
    "KEY",
    "ConversionPlan",
    "Probes",
    "SharingWarning",
    "SpaceLike",
    "Watch",
    "all_or_nothing",
    "apply",
    "auto_layers",
    "convert",
    "derive",
    "finalize",
    "find_layers",
    "follow_sources",
    "named_in_configuration",
    "occupy",
    "original_assignment",
    "recipe",
    "replay",
    "restore",
    "restore_from_configuration",
    "unwrapped",
    "warn_of_idle",
    "warn_of_sharing",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__, __all__)
