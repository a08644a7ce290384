"""What may be chosen: search spaces and the choices made from them, as pure data kept in YAML."""

from autoact.spaces.assignment import Assignment
from autoact.spaces.bounds import Bounds
from autoact.spaces.choice import Choice
from autoact.spaces.relaxation import Relaxation
from autoact.spaces.requirements import Requirements
from autoact.spaces.rule import LayerRule
from autoact.spaces.shipped import shipped_spaces
from autoact.spaces.space import SearchSpace

__all__ = [
    "Assignment",
    "Bounds",
    "Choice",
    "LayerRule",
    "Relaxation",
    "Requirements",
    "SearchSpace",
    "shipped_spaces",
]
