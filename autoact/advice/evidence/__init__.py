"""Evidence in data: periods, the shape of the target, and how much units of each activation explain."""

from autoact.advice.evidence._evidence import Evidence, look
from autoact.advice.evidence._rows import read_numeric_table
from autoact.advice.evidence._shape import MEANING, Form
from autoact.advice.evidence._units import Unit

__all__ = [
    "MEANING",
    "Evidence",
    "Form",
    "Unit",
    "look",
    "read_numeric_table",
]
