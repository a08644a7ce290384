"""Advice before any search: candidates that suit a problem, from its needs, its data and computed facts."""

from typing import TYPE_CHECKING

from autoact._names import public_names
from autoact.advice._advice import Advice, Candidate, advise
from autoact.advice._description import check_free, describe, order, space_text, write_space
from autoact.advice._needs import Needs, read_range
from autoact.advice.evidence import Evidence

__all__ = [
    "Advice",
    "Candidate",
    "Evidence",
    "Needs",
    "advise",
    "check_free",
    "describe",
    "order",
    "read_range",
    "space_text",
    "write_space",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__, __all__)
