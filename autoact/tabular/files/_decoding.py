"""Decoding of a file: from its bytes to its text."""

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from autoact.errors import DataError

_NOT_TEXT = {
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"PAR1": "a Parquet file",
    b"SQLite format 3": "an SQLite database",
    b"%PDF": "a PDF file",
}
_OTHER_TEXT = {
    "<!doctype": "a web page",
    "<html": "a web page",
    "<?xml": "an XML file",
    "{": "a JSON file",
    "[{": "a JSON file",
    "@relation": "an ARFF file",
    "version https://git-lfs": "a pointer of Git LFS to a file that was not fetched",
}
_ZIP = b"PK\x03\x04"
_UNPACK: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ\x00": lzma.decompress,
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

    Files of gzip, bzip2 and xz are unpacked, and zip files that hold one file.

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


def no_table(text: str) -> str | None:
    """Return what a text is that is known to be no table, judged by how it begins.

    Example:
        >>> no_table("<!DOCTYPE html> <html>")
        'a web page'
    """
    start = text[:40].lower()
    return next((name for begin, name in _OTHER_TEXT.items() if start.startswith(begin)), None)


def _bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        unpack = next((how for magic, how in _UNPACK.items() if content.startswith(magic)), None)
        if unpack is not None:
            return unpack(content)
        return _only_file(path, content) if content.startswith(_ZIP) else content
    except FileNotFoundError as error:
        raise DataError(f"There is no file {path}; give the path of a CSV file.") from error
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path} cannot be read: {reason}.") from error


def _only_file(path: Path, content: bytes) -> bytes:
    """Return the one file that a zip file holds."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/") and "__MACOSX/" not in name]
        if "[Content_Types].xml" in names:
            raise DataError(
                f"{path} is an Excel file, not text. Save the table as CSV (comma-separated text) first."
            )
        if len(names) != 1:
            listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
            raise DataError(f"{path} holds {len(names)} files ({listed}). Unpack it and name one of them.")
        return archive.read(names[0])
