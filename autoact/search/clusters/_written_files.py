"""Written files of a training that is done elsewhere: how they come back to the run directory."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from autoact.search.trainings import Extras

MOST = 2**30  # bytes that come back with a training
_PATHS = ("checkpoint", "logs")  # of extras


def absolute(extras: Extras) -> Extras:
    """Return extras whose paths mean the same in another working directory.

    Args:
        extras: What else to do with a training.
    """
    changed: dict[str, Any] = {name: path.absolute() for name, path in _paths(extras)}
    return replace(extras, **changed)


def placed(extras: Extras, folder: Path) -> Extras:
    """Return extras whose files are written into a folder.

    Args:
        extras: What else to do with a training.
        folder: An empty one.
    """
    changed: dict[str, Any] = {name: folder / name / path.name for name, path in _paths(extras)}
    return replace(extras, **changed)


def mark(extras: Extras) -> Path | None:
    """Write an empty file beside what is asked for: who sees it elsewhere can write there; None for nothing.

    Args:
        extras: What else to do with a training.
    """
    for _, path in _paths(extras):
        file = path.parent / f".{uuid4().hex}.mark"
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
            return file
    return None


def collected(here: Extras, wanted: Extras, mark: Path | None) -> tuple[dict[Path, bytes], str]:
    """Return files by where they belong, and what is said of those that are too large.

    Where the run directory is a shared folder, these are written there.

    Args:
        here: Where they are.
        wanted: Where they belong.
        mark: What `mark` returned.
    """
    files: dict[Path, bytes] = {}
    said, left = [], MOST
    for path, target in sorted(_files(here, wanted), key=lambda pair: pair[0].stat().st_size):
        size = path.stat().st_size
        if size <= left:
            files[target], left = path.read_bytes(), left - size
        elif mark is not None and mark.exists():
            _put(path, target)
        else:
            said.append(
                f"{target} was not saved: it has {size / 2**30:.2g} GiB, and of the files of a training "
                f"elsewhere {MOST / 2**30:.2g} GiB come back. Put the run directory into a folder that all "
                "machines share."
            )
    return files, " ".join(said)


def write(files: Mapping[Path, bytes]) -> str:
    """Write files, each whole or not at all; return what is said of those that cannot be written.

    Args:
        files: Content by path.
    """
    said = []
    for target, content in files.items():
        try:
            _put(content, target)
        except OSError as error:  # a full disk: the training is done all the same
            said.append(f"{target} was not saved: {error.strerror}")
    return " ".join(said)


def _paths(extras: Extras) -> Iterator[tuple[str, Path]]:
    return ((name, path) for name in _PATHS if (path := getattr(extras, name)) is not None)


def _files(here: Extras, wanted: Extras) -> Iterator[tuple[Path, Path]]:
    """Iterate over files that were written, and where each belongs."""
    targets = dict(_paths(wanted))
    for name, start in _paths(here):
        found = start.rglob("*") if start.is_dir() else [start]
        yield from ((path, targets[name] / path.relative_to(start)) for path in found if path.is_file())


def _put(content: bytes | Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    try:
        if isinstance(content, Path):
            shutil.copyfile(content, partial)
        else:
            partial.write_bytes(content)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
