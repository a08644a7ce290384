"""Files that appear whole or not at all."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from autoact.errors import ConfigurationError


def write_text(path: str | Path, text: str) -> None:
    """Write a text file through a temporary file beside it, so that no reader ever sees half of it.

    Args:
        path: Where; an existing file is replaced.
        text: The whole content.

    Raises:
        ConfigurationError: The place cannot be written.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        if temporary.exists():
            temporary.unlink()
        raise ConfigurationError(f"Cannot write {path}: {error.strerror or error}.") from error


def write_yaml(path: str | Path, data: Mapping[str, Any]) -> None:
    """Write plain data as YAML, in its own order, whole or not at all."""
    write_text(path, yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True, default_flow_style=None))
