"""Search spaces: what may be chosen, and the choices made from them, as pure data kept in YAML."""

from typing import TYPE_CHECKING

from autoact._names import public_names
from autoact.spaces import facts
from autoact.spaces._assignment import Assignment
from autoact.spaces._bounds import Bounds, Range
from autoact.spaces._candidates import check_candidates
from autoact.spaces._choice import Choice
from autoact.spaces._parsing import parse_list, parse_space
from autoact.spaces._relaxation import Granularity, Kind, Relaxation
from autoact.spaces._requirements import Requirements
from autoact.spaces._rule import LayerRule
from autoact.spaces._space import SearchSpace
from autoact.spaces.facts import Values
from autoact.spaces.files import shipped_spaces

__all__ = [
    "Assignment",
    "Bounds",
    "Choice",
    "Granularity",
    "Kind",
    "LayerRule",
    "Range",
    "Relaxation",
    "Requirements",
    "SearchSpace",
    "Values",
    "check_candidates",
    "facts",
    "parse_list",
    "parse_space",
    "shipped_spaces",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__, __all__)
