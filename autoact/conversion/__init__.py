"""Models and choices: convert a model, take an assignment from it, put one into it, make it plain again."""

from autoact.conversion.assigning import (
    apply,
    auto_layers,
    derive,
    finalize,
    original_assignment,
    uniform_assignment,
)
from autoact.conversion.converting import convert
from autoact.conversion.plan import ConversionPlan, find_layers
from autoact.conversion.recipe import recipe, replay

__all__ = [
    "ConversionPlan",
    "apply",
    "auto_layers",
    "convert",
    "derive",
    "finalize",
    "find_layers",
    "original_assignment",
    "recipe",
    "replay",
    "uniform_assignment",
]
