"""The command line."""

from autoact.cli.commands import main

__all__ = ["main"]
