"""Inventions: formulas of learned shapes, or bred from formulas, registered as activations."""

from typing import TYPE_CHECKING

from autoact._names import public_names
from autoact.invention._evolve import Evolved, evolve
from autoact.invention._fits import Curve, Form
from autoact.invention._formula_search import curve_of, find_formulas
from autoact.invention._found_formula import Formulas, FoundFormula
from autoact.invention._invent import Invention, invent
from autoact.invention._trees import Tree, trees

__all__ = [
    "Curve",
    "Evolved",
    "Form",
    "Formulas",
    "FoundFormula",
    "Invention",
    "Tree",
    "curve_of",
    "evolve",
    "find_formulas",
    "invent",
    "trees",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__, __all__)
