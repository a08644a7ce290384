"""Cache folder of the user."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return where autoact may keep what it can make again; the folder need not exist.

    Example:
        >>> cache_folder().name
        'autoact'
    """
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path(os.path.expanduser("~"), ".cache")) / "autoact"
