"""Structure of modules: which run their children in a row, where a path in the source leads, their modes."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


def in_a_row(module: nn.Module) -> bool:
    """Tell whether a module runs its children as nn.Sequential does; a scripted class has no forward."""
    return getattr(type(module), "forward", None) is nn.Sequential.forward


def present_children(module: nn.Module) -> dict[str, nn.Module]:
    """Return the children of a module by name, without those that are None."""
    return {name: child for name, child in module._modules.items() if child is not None}


def child(module: nn.Module, path: str) -> str | None:
    """Return the path of a module below another, its -1 made plain, or None if there is none."""
    found: list[str] = []
    for part in path.split("."):
        names = list(present_children(module))
        if part.lstrip("-").isdigit() and part not in names and names:
            position = int(part)
            if -len(names) <= position < len(names):
                part = names[position]
        if part not in names:
            return None
        found.append(part)
        module = module.get_submodule(part)
    return ".".join(found)


def children(module: nn.Module, path: str) -> Iterator[str]:
    """Yield the paths of all modules that a path may mean: -1 stands for whichever a loop has come to."""
    first, _, rest = path.partition(".")
    known = present_children(module)
    for name in known if first == "-1" else [first] if first in known else []:
        if not rest:
            yield name
        else:
            yield from (f"{name}.{below}" for below in children(known[name], rest))


def join(path: str, name: str) -> str:
    """Return the path of what has a name in the module at a path."""
    return f"{path}.{name}" if path else name


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Put a module into evaluation mode meanwhile; every part gets its own mode back, a frozen one stays.

    Args:
        module: Any module.

    Example:
        >>> layer = nn.Dropout()
        >>> with evaluating(layer):
        ...     layer.training
        False
        >>> layer.training
        True
    """
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, training in modes.items():
            part.training = training
