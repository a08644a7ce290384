"""Export of models: files that need no autoact."""

from autoact.exporting._formats import FORMATS, SUFFIXES, Exported, Format, export
from autoact.exporting._text import module_text, plain, ready

__all__ = ["FORMATS", "SUFFIXES", "Exported", "Format", "export", "module_text", "plain", "ready"]
