"""The command line."""

from typing import TYPE_CHECKING

from autoact._names import public_names
from autoact.cli._commands import main

__all__ = ["main"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__, __all__)
