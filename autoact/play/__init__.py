"""Play: one offline page on which the theory of activation functions is tried by hand."""

from typing import TYPE_CHECKING

from autoact._names import public_names
from autoact.play._play_page import TABS, page, write_page

__all__ = ["TABS", "page", "write_page"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__, __all__)
