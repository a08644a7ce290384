"""C source becomes a loaded library: once per machine, kept in the user's cache folder."""

from __future__ import annotations

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
        key = hashlib.sha256("\0".join([*compiler, *flags, source]).encode()).hexdigest()
        path = _folder() / f"{key}.so"
        try:
            return ctypes.CDLL(str(path if path.exists() else _built(source, path, compiler[0], flags)))
        except (OSError, subprocess.SubprocessError) as error:
            log.debug("no compiled CPU kernel, torch computes it eagerly: %s", _reason(error))
            return None


def _built(source: str, path: Path, compiler: str, flags: tuple[str, ...]) -> Path:
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        file, made = Path(folder, "mixture.c"), Path(folder, "mixture.so")
        file.write_text(source, encoding="utf-8")
        command = [compiler, *flags, "-o", str(made), str(file), "-lm"]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_SECONDS)
        made.replace(path)
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
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = Path(base, "autoact", "kernels")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
        private = status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if private and os.access(folder, os.W_OK):
            return folder
    except OSError as error:
        log.debug("no cache for compiled CPU kernels: %s", error)
    return Path(tempfile.mkdtemp(prefix="autoact-"))
