"""Library of C source: compiled once per machine, kept in a cache folder that only its user can write."""

from __future__ import annotations

import atexit
import ctypes
import hashlib
import logging
import os
import shutil
import stat
import subprocess
import tempfile
import threading
from functools import lru_cache
from pathlib import Path

import torch

from autoact._cache import cache_folder

log = logging.getLogger(__name__)
_COMPILERS = ("gcc", "clang", "cc")
_FLAGS = (
    *("-std=gnu11", "-O3", "-fPIC", "-shared", "-fno-math-errno", "-fno-trapping-math", "-fopenmp-simd"),
    *("-Wno-unknown-warning-option", "-Wno-ignored-optimization-argument"),
)
_VECTORS = {
    "AVX512": (
        *("-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mfma", "-mf16c"),
        "-mprefer-vector-width=512",
    ),
    "AVX2": ("-mavx2", "-mfma", "-mf16c"),
}
_SECONDS = 120
_lock = threading.Lock()


def load(source: str) -> ctypes.CDLL | None:
    """Return the library made of C source, or None where none can be made; a debug line says why.

    Processes that make the same library at once do no harm: each writes a file of its own and renames it.
    A file's name ends in the hash of what it holds: one that was cut short or changed is made again.

    Example:
        >>> library = load("int seven(void) { return 7; }")
        >>> library is None or library.seven() == 7
        True
    """
    with _lock:
        compiler = _compiler()
        if compiler is None:
            return None
        flags = (*_FLAGS, *_VECTORS.get(torch.backends.cpu.get_cpu_capability(), ()))
        key = _digest("\0".join([*compiler, *flags, source]).encode())
        try:
            folder = _folder()
            return ctypes.CDLL(str(_kept(folder, key) or _built(source, folder, key, compiler[0], flags)))
        except (OSError, subprocess.SubprocessError) as error:
            log.debug("no compiled CPU kernel, torch computes it eagerly: %s", _reason(error))
            return None


def _renew_lock() -> None:
    """Let a forked process compile although another thread of its parent was about to."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:40]


def _kept(folder: Path, key: str) -> Path | None:
    """Return a library made before whose file is whole: to load one that was cut short ends the process."""
    for path in sorted(folder.glob(f"{key}-*.so")):
        if _is_own(path) and path.stem == f"{key}-{_digest(path.read_bytes())}":
            return path
        log.debug("a damaged CPU kernel is made again: %s", path)
    return None


def _built(source: str, folder: Path, key: str, compiler: str, flags: tuple[str, ...]) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # whoever deleted it may have done so just now
    with tempfile.TemporaryDirectory(dir=folder) as place:
        file, made = Path(place, "mixture.c"), Path(place, "mixture.so")
        file.write_text(source, encoding="utf-8")
        command = [compiler, *flags, "-o", str(made), str(file), "-lm"]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_SECONDS)
        made.chmod(0o700)  # whatever the umask
        path = made.replace(folder / f"{key}-{_digest(made.read_bytes())}.so")
    log.debug("compiled a CPU kernel with %s: %s", compiler, path)
    return path


def _reason(error: Exception) -> str:
    return str(getattr(error, "stderr", None) or error).strip().splitlines()[0]


@lru_cache(maxsize=1)
def _compiler() -> tuple[str, str] | None:
    """Return path and version of the first C compiler that answers."""
    for name in _COMPILERS:
        found = shutil.which(name)
        if found is None:
            continue
        try:
            done = subprocess.run(
                [found, "--version"], capture_output=True, text=True, timeout=_SECONDS, check=True
            )
        except (OSError, subprocess.SubprocessError):
            continue
        return found, done.stdout.partition("\n")[0]
    log.debug("no compiled CPU kernels: none of %s on the path", ", ".join(_COMPILERS))
    return None


@lru_cache(maxsize=1)
def _folder() -> Path:
    """Return the cache folder, the user's own and nobody else's to write; else one of this process."""
    folder = cache_folder() / "kernels"
    try:
        if folder.is_absolute():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            open_to_others = _open_to_others(folder)
            if open_to_others is None and os.access(folder, os.W_OK):
                return folder.resolve()
            if open_to_others is not None:
                log.warning(
                    "CPU kernels are not kept: others may write to %s, so %s may hold what is theirs. "
                    "Run chmod go-w on it, or set XDG_CACHE_HOME to a folder of your own.",
                    open_to_others,
                    folder,
                )
    except OSError as error:
        log.debug("no cache for compiled CPU kernels: %s", error)
    made = tempfile.mkdtemp(prefix="autoact-")
    atexit.register(_remove, made, os.getpid())
    return Path(made)


def _open_to_others(folder: Path) -> Path | None:
    """Return the first folder on the way to one in which others may put something else in its place.

    Where files have no modes, their place says whose they are.
    """
    if not hasattr(os, "getuid"):
        return None
    ways = (folder, folder.resolve())
    every = dict.fromkeys(place for way in ways for place in (*reversed(way.parents), way))
    return next((place for place in every if not _is_private(place, last=place in ways)), None)


def _is_private(folder: Path, *, last: bool) -> bool:
    """Tell whether only the user, root and the user's own group may change or rename what is in a folder."""
    status = folder.stat()
    if status.st_uid not in ((os.getuid(),) if last else (os.getuid(), 0)):
        return False
    if status.st_mode & stat.S_ISVTX and not last:  # as in /tmp, everybody renames only what is his own
        return True
    others = stat.S_IWOTH if status.st_gid == _own_group() and not last else stat.S_IWGRP | stat.S_IWOTH
    return not status.st_mode & others


def _own_group() -> int | None:
    """Return the group that is named for the user and has no other member; None if there is none."""
    import grp
    import pwd

    try:
        user = pwd.getpwuid(os.getuid())
        group = grp.getgrgid(user.pw_gid)
    except KeyError:  # as in a container that knows numbers only
        return None
    return group.gr_gid if group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name} else None


def _is_own(path: Path) -> bool:
    """Tell whether a file is the user's own, itself and no link, and nobody else's to write."""
    status = path.lstat()
    whose = not hasattr(os, "getuid") or status.st_uid == os.getuid()
    return whose and stat.S_ISREG(status.st_mode) and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _remove(folder: str, process: int) -> None:
    """Remove the folder of this process at its end; a fork of it leaves its parent's alone."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
