"""Versions of the files that people keep: which ones this autoact reads, and what to do about others."""

from autoact.spaces.files._yaml_lines import Document

VERSION = 1  # of search spaces and of assignments


def check_version(document: Document, kind: str) -> None:
    """Complain about a file of another version; one without a version is taken for version 1.

    Args:
        document: The file.
        kind: What it holds, for the message.

    Raises:
        ConfigurationError: Not a whole number, or a version that this autoact does not read.
    """
    given = document.data.get("version", VERSION)
    if isinstance(given, bool) or not isinstance(given, int):
        raise document.error(
            ("version",), f"the version of {kind} is a whole number; got {given!r}. Write version: {VERSION}."
        )
    if given != VERSION:
        raise document.error(
            ("version",), f"this autoact reads version {VERSION}; got {given}. {_remedy(given)}"
        )


def _remedy(given: int) -> str:
    if given > VERSION:
        return "The file was written for a newer one: pip install --upgrade autoact."
    return f"Write version: {VERSION}."
