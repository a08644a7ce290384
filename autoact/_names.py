"""Public names of a package: loaded on first use, listed without anything else, misspellings answered."""

import gc
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any


def imported(name: str) -> ModuleType:
    """Import a module and what it needs; garbage is not looked for meanwhile, a tenth of the time.

    Args:
        name: Its full name.

    Example:
        >>> imported("math").sqrt(4.0)
        2.0
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        return import_module(name)
    finally:
        if collects:
            gc.enable()


def public_names(
    package: str, names: Iterable[str], homes: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` (PEP 562) of a package.

    Define them under `if not TYPE_CHECKING:`, so that type checkers still see misspelled names.

    Args:
        package: Its `__name__`.
        names: Its `__all__`.
        homes: Module in which a name is found, for each name that is loaded on first use; a sub-package is
            its own home.

    Example:
        >>> getattr_, dir_ = public_names("math", ["sqrt", "tan"])
        >>> dir_()
        ['sqrt', 'tan']
        >>> getattr_("sqr")
        Traceback (most recent call last):
        AttributeError: module 'math' has no attribute 'sqr'. Did you mean 'sqrt'?
    """
    listed, found_in = sorted(names), dict(homes or {})

    def load(name: str) -> Any:
        home = found_in.get(name)
        if home is not None:
            module = imported(home)
            return module if home == f"{package}.{name}" else getattr(module, name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}{_hint(name, listed)}")

    return load, lambda: list(listed)


def _hint(name: str, listed: list[str]) -> str:
    from autoact.errors import did_you_mean

    hint = "" if name.startswith("_") else did_you_mean(name, listed)
    return f".{hint}" if hint else ""
