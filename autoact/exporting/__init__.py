"""Export of models: files that need no autoact."""

from typing import TYPE_CHECKING

from autoact._names import public_names
from autoact.exporting._formats import SUFFIXES, Exported, Format, export
from autoact.exporting._text import module_text, ready

__all__ = ["SUFFIXES", "Exported", "Format", "export", "module_text", "ready"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__, __all__)
