"""Families of activations: one file each, one decorated function per activation.

A new activation is one function in one of these files; a new file is added to the list below.
"""

from autoact.activations.families import (
    exponential,
    gated,
    hard,
    periodic,
    rectifiers,
    saturating,
    shrink,
    sigmoidal,
)

__all__ = [
    "exponential",
    "gated",
    "hard",
    "periodic",
    "rectifiers",
    "saturating",
    "shrink",
    "sigmoidal",
]
