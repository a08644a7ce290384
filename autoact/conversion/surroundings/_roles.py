"""Roles of activations in their model: output head, gate, GLU block; read from how results flow."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from torch import nn

from autoact.activations import from_module
from autoact.conversion.flow import PART, Made, RangeUse, flow, range_uses
from autoact.conversion.source import opened, own_class
from autoact.conversion.surroundings._neighbors import makers
from autoact.conversion.surroundings._structure import child, in_a_row, join

_PASSING = (nn.Identity, nn.Dropout, nn.Flatten, nn.Unflatten)


@dataclass(frozen=True, slots=True)
class Roles:
    """Paths of activations, by role.

    Attributes:
        heads: Whose result the model returns.
        gates: Whose result is multiplied by another.
        between: Those of an nn.Sequential that stand between layers with parameters.
        ranged: Uses of their results that depend on the range, by path.
    """

    heads: frozenset[str] = field(default_factory=frozenset)
    gates: frozenset[str] = field(default_factory=frozenset)
    between: frozenset[str] = field(default_factory=frozenset)
    ranged: Mapping[str, tuple[RangeUse, ...]] = field(default_factory=dict)


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
    ranged = dict[str, dict[RangeUse, None]]()
    for path, module in modules.items():
        for use in range_uses(own_class(module)):
            for end in makers(frozenset({use.made}), path, module):
                ranged.setdefault(end, {})[use] = None
    uses = {path: tuple(found) for path, found in ranged.items()}
    return Roles(frozenset(_ends("", model)), frozenset(gates), frozenset(between), uses)


def _ends(path: str, module: nn.Module, part: str = "") -> Iterator[str]:
    """Yield the paths of those whose results a module returns: itself, or what is last inside it."""
    named = flow(own_class(module)).named
    if in_a_row(module):
        last = [name for name, each in module._modules.items() if not isinstance(each, _PASSING)]
        ending = module._modules[last[-1]] if last else None
        if ending is not None:
            yield from _ends(join(path, last[-1]), ending)
    elif "_orig_mod" in module._modules:
        yield from _ends(join(path, "_orig_mod"), module.get_submodule("_orig_mod"))
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
            yield join(path, name)
        elif name not in apart and (found := child(module, name)) is not None:
            yield from _ends(join(path, found), module.get_submodule(found), part)
        elif hasattr(module, name):
            yield join(path, name)


def _between(path: str, module: nn.Module) -> Iterator[str]:
    if not in_a_row(module):
        return
    children: Mapping[str, nn.Module | None] = module._modules
    trained = [child is not None and _has_layers(child) for child in children.values()]
    for index, name in enumerate(children):
        if any(trained[:index]) and any(trained[index + 1 :]):
            yield join(path, name)


def _has_layers(child: nn.Module) -> bool:
    return from_module(child) is None and any(True for _ in child.parameters())
