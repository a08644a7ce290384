"""Texts on the activations, kept once they were made: facts take seconds, a kept text none."""

import hashlib
import tempfile
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import autoact
from autoact._cache import cache_folder

_PACKAGE = Path(autoact.__file__).parent
_SOURCES = ("activations", "analysis", "cli")  # what the text is made by
_END = "\n...\n"


def kept(make: Callable[[], str], what: str = "list") -> str:
    """Return the text that this version of the sources makes, from the cache folder if it is there.

    Args:
        make: Makes the text; called where none is kept, or none can be.
        what: Names the text; others are kept beside it.
    """
    file = _file(what)
    with suppress(OSError, UnicodeDecodeError):
        text = file.read_text(encoding="utf-8")
        if text.endswith(_END):
            return text.removesuffix(_END)
    text = make()
    with suppress(OSError):
        _write(file, text + _END)
    return text


def _file(what: str) -> Path:
    files = sorted(path for name in _SOURCES for path in (_PACKAGE / name).rglob("*.py"))
    state = [(str(path), *_changed(path)) for path in files]
    key = hashlib.sha256(repr((version("sympy"), state)).encode()).hexdigest()
    return cache_folder() / f"list-{key[:20]}-{hashlib.sha256(what.encode()).hexdigest()[:12]}.txt"


def _changed(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _write(file: Path, text: str) -> None:
    """Write the file whole; those of other sources go."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as place:
        made = Path(place, file.name)
        made.write_text(text, encoding="utf-8")
        made.replace(file)
    own = file.name.rpartition("-")[0]
    for old in file.parent.glob("list-*.txt"):
        if not old.name.startswith(own):
            old.unlink(missing_ok=True)
