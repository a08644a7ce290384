"""Python file of a user's activations: run once, its names returned."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from autoact.activations._registry import additions, list_activations
from autoact.errors import ConfigurationError


def register_file(file: str | os.PathLike[str]) -> tuple[str, ...]:
    r"""Run a Python file and return the names of the activations that it registers, in its order.

    Args:
        file: Whatever it imports and registers counts as its own.

    Raises:
        ConfigurationError: No such file, one that fails, or one that takes a name of autoact's.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "wavy.py"
        >>> _ = path.write_text(
        ...     "import autoact, sympy\n@autoact.activation(family='example')\n"
        ...     "def wavy(x):\n    return x + sympy.sin(x) / 4\n"
        ... )
        >>> register_file(path)
        ('wavy',)
    """
    path = Path(file)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise ConfigurationError(f"{file}: there is no such Python file.")
    before, listed = additions(), list_activations()
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ConfigurationError(f"{file}: {type(error).__name__}: {error}") from error
    known = {name: function for name, (function, _) in before.items()}
    own = [name for name, (function, _) in additions().items() if known.get(name) is not function]
    if taken := [name for name in own if name in listed and name not in known]:
        raise ConfigurationError(
            f"{file} registers {taken[0]!r}, which comes with autoact. Choose another name."
        )
    return tuple(own)
