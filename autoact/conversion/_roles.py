"""Roles of activations in their model: output head, gate, GLU block; read from how results flow."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from torch import nn

from autoact.activations import from_module
from autoact.conversion.source import PART, Made, flow, opened, own_class

_PASSING = (nn.Identity, nn.Dropout, nn.Flatten, nn.Unflatten)


@dataclass(frozen=True, slots=True)
class Roles:
    """Paths of activations, by role.

    Attributes:
        heads: Whose result the model returns.
        gates: Whose result is multiplied by another.
        between: Those of an nn.Sequential that stand between layers with parameters.
    """

    heads: frozenset[str] = field(default_factory=frozenset)
    gates: frozenset[str] = field(default_factory=frozenset)
    between: frozenset[str] = field(default_factory=frozenset)


def roles(model: nn.Module) -> Roles:
    """Return the roles of a model's activations, as far as source and structure tell them."""
    modules = dict(model.named_modules(remove_duplicate=False))
    gates = {
        end
        for path, module in modules.items()
        if (made := flow(own_class(module)).multiplied)
        for end in _ends_of(made, path, module)
    }
    between = {inner for path, module in modules.items() for inner in _between(path, module)}
    return Roles(frozenset(_ends("", model)), frozenset(gates), frozenset(between))


def _ends(path: str, module: nn.Module, part: str = "") -> Iterator[str]:
    """Yield the paths of those whose results a module returns: itself, or what is last inside it."""
    named = flow(own_class(module)).named
    if _in_a_row(module):
        last = [name for name, child in module._modules.items() if not isinstance(child, _PASSING)]
        child = module._modules[last[-1]] if last else None
        if child is not None:
            yield from _ends(_join(path, last[-1]), child)
    elif "_orig_mod" in module._modules:
        yield from _ends(_join(path, "_orig_mod"), module.get_submodule("_orig_mod"))
    elif part and named:
        yield from _ends_of(named.get(part, frozenset()), path, module)
    elif returned := flow(own_class(module)).returned:
        yield path  # a module that is one activation returns what it computes
        yield from _ends_of(returned, path, module)
    else:
        yield path


def _ends_of(made: Made, path: str, module: nn.Module) -> Iterator[str]:
    apart = {call.attribute for call in opened(module)}
    for kind, full in made:
        name, _, part = full.partition(PART)
        if kind == "call":
            yield _join(path, name)
        elif name not in apart and (found := _child(module, name)) is not None:
            yield from _ends(_join(path, found), module.get_submodule(found), part)
        elif hasattr(module, name):
            yield _join(path, name)


def _child(module: nn.Module, path: str) -> str | None:
    """Return the path of a module below another, its -1 made plain, or None if there is none."""
    found: list[str] = []
    for part in path.split("."):
        names = [name for name, child in module._modules.items() if child is not None]
        if part.lstrip("-").isdigit() and part not in names and names:
            position = int(part)
            if -len(names) <= position < len(names):
                part = names[position]
        if part not in names:
            return None
        found.append(part)
        module = module.get_submodule(part)
    return ".".join(found)


def _between(path: str, module: nn.Module) -> Iterator[str]:
    if not _in_a_row(module):
        return
    children: Mapping[str, nn.Module | None] = module._modules
    trained = [child is not None and _has_layers(child) for child in children.values()]
    for index, name in enumerate(children):
        if any(trained[:index]) and any(trained[index + 1 :]):
            yield _join(path, name)


def _in_a_row(module: nn.Module) -> bool:
    """Tell whether a module runs its children as nn.Sequential does; a scripted class has no forward."""
    return getattr(type(module), "forward", None) is nn.Sequential.forward


def _has_layers(child: nn.Module) -> bool:
    return from_module(child) is None and any(True for _ in child.parameters())


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
