"""Files of search spaces and assignments: YAML that knows its lines, versions, writing, and where to look."""

from typing import TYPE_CHECKING

from autoact._names import public_names
from autoact.spaces.files._shipped import find_space, shipped_spaces
from autoact.spaces.files._yaml_lines import (
    VERSION,
    Document,
    Keys,
    check_version,
    is_ended,
    load,
    parse,
    write_text,
    write_yaml,
)

__all__ = [
    "VERSION",
    "Document",
    "Keys",
    "check_version",
    "find_space",
    "is_ended",
    "load",
    "parse",
    "shipped_spaces",
    "write_text",
    "write_yaml",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__, __all__)
