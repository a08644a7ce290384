"""The command line."""

from autoact.cli._commands import main

__all__ = ["main"]
