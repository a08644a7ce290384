"""Decoding of a file: from its bytes to its text."""

import codecs
import gzip
import zlib
from pathlib import Path

from autoact.errors import DataError

_NOT_TEXT = {
    b"PK\x03\x04": "an Excel or zip file",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"PAR1": "a Parquet file",
    b"SQLite format 3": "an SQLite database",
    b"%PDF": "a PDF file",
}
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_text(path: Path) -> tuple[str, str]:
    """Return a file's text and the encoding it was in: that of its mark, else UTF-8, else Windows-1252.

    A gzip file is unpacked.

    Raises:
        DataError: The file is missing, unreadable, empty, or not text.
    """
    content = _bytes(path)
    if not content.strip(b"\0 \t\r\n"):
        raise DataError(f"{path} is empty; it must hold a table, one row per line.")
    kind = next((name for magic, name in _NOT_TEXT.items() if content.startswith(magic)), None)
    if kind is not None:
        raise DataError(f"{path} is {kind}, not text. Save the table as CSV (comma-separated text) first.")
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise DataError(
                f"{path} begins like {encoding} but is not: {error.reason} at byte {error.start}. "
                "Save it as UTF-8."
            ) from error
        encoding = "Windows-1252"
        text = content.decode("cp1252", errors="replace")
    if "\0" in text:
        raise DataError(f"{path} is not text: it holds zero bytes. Save the table as CSV in UTF-8.")
    return text, encoding


def _bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    except FileNotFoundError as error:
        raise DataError(f"There is no file {path}; give the path of a CSV file.") from error
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path} cannot be read: {reason}.") from error
