"""Caches: the user's folder, and results that are remembered by the names of activations."""

import os
from collections.abc import Callable
from functools import _lru_cache_wrapper, lru_cache
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
_remembering: list[Any] = []


def cache_folder() -> Path:
    """Return where autoact may keep what it can make again; the folder need not exist.

    Example:
        >>> cache_folder().name
        'autoact'
    """
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path(os.path.expanduser("~"), ".cache")) / "autoact"


def remembered(maxsize: int) -> "Callable[[Callable[..., T]], _lru_cache_wrapper[T]]":
    """Cache what follows from names of activations, as `functools.lru_cache` does, until `forget`.

    Args:
        maxsize: Most results.

    Example:
        >>> length = remembered(maxsize=8)(len)
        >>> length("relu"), length("relu"), length.cache_info().hits
        (4, 4, 1)
    """

    def decorate(function: Callable[..., T]) -> "_lru_cache_wrapper[T]":
        made = lru_cache(maxsize=maxsize)(function)
        _remembering.append(made)
        return made

    return decorate


def forget() -> None:
    """Forget all that is remembered: a name means another activation than before."""
    for made in _remembering:
        made.cache_clear()
