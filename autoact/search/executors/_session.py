"""Session: what trainings depend on beside their task, taken over by another process."""

import linecache
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.machinery import ModuleSpec
from operator import attrgetter
from pathlib import Path
from typing import Any

import torch

from autoact.activations import activation, additions, list_activations

_PAIRS = {  # torch's functions that tell a setting, and those that make it
    "get_default_dtype": "set_default_dtype",
    "get_default_device": "set_default_device",
    "get_deterministic_debug_mode": "set_deterministic_debug_mode",
    "get_float32_matmul_precision": "set_float32_matmul_precision",
}
_FLAGS = (  # after those, because they may say the same: what is as it should be is not set again
    "backends.cudnn.benchmark",
    "backends.cudnn.allow_tf32",
    "backends.cuda.matmul.fp32_precision",
    "backends.cudnn.conv.fp32_precision",
    "backends.cudnn.rnn.fp32_precision",
)
CachedLines = tuple[int, float | None, list[str], str]  # an entry of linecache.cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Main module, sources that no file has, activations of the user, settings of torch, and warnings.

    The main module is described, not run: a notebook has none, and a script may search when it is run.

    Attributes:
        main: Its file and its name for `python -m`, which loader processes ask for.
        arguments: `sys.argv`.
        sources: Of cells and of the main module, as they were run; searched layers are found in sources.
        activations: Modules that register activations, and functions with what they are registered by.
        settings: Torch's, by name; without those of which torch says that they are set in two ways.
        filters: What is done with warnings.
    """

    main: Mapping[str, str | None]
    arguments: Sequence[str]
    sources: Mapping[str, CachedLines]
    activations: Mapping[str, str | tuple[Callable[..., Any], Mapping[str, Any]]]
    settings: Mapping[str, Any]
    filters: Sequence[tuple[Any, ...]]

    @classmethod
    def here(cls) -> "Session":
        """Return that of this process."""
        main = sys.modules["__main__"]
        file, spec = getattr(main, "__file__", None), getattr(main, "__spec__", None)
        if file is not None:
            linecache.getlines(file)
        entries = {name: entry for name, entry in linecache.cache.items() if len(entry) == 4}
        return cls(
            main={"file": file, "name": getattr(spec, "name", None)},
            arguments=list(sys.argv),
            sources={
                name: (entry[0], None, entry[2], entry[3])
                for name, entry in entries.items()
                if name == file or entry[1] is None
            },
            activations={
                name: function.__module__ if is_importable(function.__module__) else (function, arguments)
                for name, (function, arguments) in additions().items()
            },
            settings=_settings(),
            filters=list(warnings.filters),
        )

    def take_over(self) -> None:
        """Make this process like that one."""
        main = sys.modules["__main__"]
        if self.main["file"] is not None:
            main.__file__ = self.main["file"]
        if self.main["name"] is not None:
            main.__spec__ = ModuleSpec(self.main["name"], None)
        sys.argv[:] = self.arguments
        linecache.cache.update(self.sources)
        for action, message, category, module, line in reversed(self.filters):
            warnings.filterwarnings(action, _pattern(message), category, _pattern(module), line)
        _set(self.settings)
        for name, known in self.activations.items():
            if isinstance(known, str):
                import_module(known)
            elif name not in list_activations():
                activation(**known[1])(known[0])


def _pattern(expression: Any) -> str:
    return getattr(expression, "pattern", expression) or ""


def _settings() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in (*_PAIRS, *_FLAGS):
        with suppress(RuntimeError, AttributeError):  # set in an old way and a new one; of another version
            value = attrgetter(name)(torch)
            found[name] = value() if name in _PAIRS else value
    return found


def _set(settings: Mapping[str, Any]) -> None:
    now = _settings()
    for name, value in settings.items():
        if name in _PAIRS and now.get(name) != value:
            getattr(torch, _PAIRS[name])(value)
    now = _settings()
    for name, value in settings.items():
        if name in _FLAGS and now.get(name) != value:
            holder, _, flag = name.rpartition(".")
            setattr(attrgetter(holder)(torch), flag, value)


def is_importable(name: str | None) -> bool:
    """Tell whether another process that imports a module by its name gets the one that is known here.

    Args:
        name: Of the module; the folder or file of its first part is looked for.

    Example:
        >>> is_importable("torch.nn"), is_importable("__main__"), is_importable("no_such_module")
        (True, False, False)
    """
    first = (name or "").partition(".")[0]
    return first not in ("", "__main__") and _is_found(first, tuple(sys.path))


@lru_cache(maxsize=1024)
def _is_found(name: str, path: tuple[str, ...]) -> bool:
    known = getattr(sys.modules.get(name), "__spec__", None)
    found = _found(name)
    if found is None or known is None or None in (known.origin, found.origin):
        return found is not None
    return known.origin == found.origin or Path(known.origin).resolve() == Path(str(found.origin)).resolve()


def _found(name: str) -> ModuleSpec | None:
    finders = (finder for finder in sys.meta_path if hasattr(finder, "find_spec"))
    return next((spec for finder in finders if (spec := finder.find_spec(name, None)) is not None), None)
