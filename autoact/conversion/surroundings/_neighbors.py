"""Neighbors of activations that work in place: on an activation's result, or on its input.

torch keeps the result of relu, tanh and sigmoid for backward, and the input of every other activation; what
is kept must not change. So a choice that keeps the other thing than the model's own activation did needs a
copy where the model changes that in place. And an activation that changed its own input goes on doing so.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import nn

from autoact.conversion.flow import ARGUMENT, Made, in_place_changes
from autoact.conversion.source import (
    input_may_be_seen,
    methods,
    opened,
    own_class,
    uses,
)
from autoact.conversion.surroundings._structure import children, in_a_row, join, present_children
from autoact.nn import InPlace, keeps_result
from autoact.spaces import Choice

_PASSING = (nn.Identity, nn.Flatten, nn.Unflatten, nn.modules.dropout._DropoutNd)
_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
_Inside = Callable[[str, nn.Module], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Neighbors:
    """Paths of activations, by what changes in place beside them.

    Attributes:
        overwriting: Modules that change their own input, where something else may see it.
        inputs: Whose input changes after they ran.
        results: Whose result changes.
    """

    overwriting: frozenset[str]
    inputs: frozenset[str]
    results: frozenset[str]

    def around(self, paths: tuple[str, ...], own: Choice) -> InPlace | None:
        """Return what changes in place where a model's own activation is, so far as another must heed it.

        Args:
            paths: Every path of the activation.
            own: What it computes.
        """
        if self.overwriting.intersection(paths):
            return "itself"
        beside, what = (self.inputs, "input") if keeps_result(own) else (self.results, "result")
        return what if beside.intersection(paths) else None  # type: ignore[return-value]


def neighbors(model: nn.Module) -> Neighbors:
    """Return what changes in place beside a model's activations, as far as source and structure tell it."""
    inputs, results, overwriting = set[str](), set[str](), set[str]()
    modules = dict(model.named_modules(remove_duplicate=False))
    walked = {
        join(path, name)
        for path, module in modules.items()
        for each in in_place_changes(own_class(module)).walked
        for name in children(module, each)
    }
    for path, module in modules.items():
        inputs.update(_inputs(path, module))
        results.update(_results(path, module))
        parent, _, name = path.rpartition(".")
        if path and _overwrites(modules[parent], name, module, parent in walked):
            overwriting.add(path)
    return Neighbors(frozenset(overwriting), frozenset(inputs), frozenset(results))


def _results(path: str, module: nn.Module) -> Iterator[str]:
    """Yield whose results the code of one module changes, or hands to what changes them."""
    found = in_place_changes(own_class(module))
    changed = set(found.results)
    for handed in found.handed:
        if _any_changes(module, handed.path):
            changed |= handed.made
    passing = [each for each in found.handed if _any_passes(module, each.path)]
    while new := {m for each in passing if ("module", each.path) in changed for m in each.made} - changed:
        changed |= new
    yield from makers(frozenset(changed), path, module)
    row = list(present_children(module).items()) if in_a_row(module) else []
    for index, (_, each) in enumerate(row):
        if _changes_input(each):
            yield from _last_of(path, row[:index])


def _any_changes(module: nn.Module, path: str) -> bool:
    return any(_changes_input(module.get_submodule(each)) for each in children(module, path))


def _any_passes(module: nn.Module, path: str) -> bool:
    return any(_passes(module.get_submodule(each)) for each in children(module, path))


def _inputs(path: str, module: nn.Module) -> Iterator[str]:
    """Yield whose inputs the code of one module changes after they ran."""
    found = in_place_changes(own_class(module))
    yield from _named(found.inputs, path, module, _first)
    for handed in found.handed:
        if _any_changes(module, handed.path):
            yield from _named(handed.earlier, path, module, _first)


def makers(made: Made, path: str, module: nn.Module) -> Iterator[str]:
    """Yield the paths of the activations whose results those are that a module's source names."""
    yield from _named(made, path, module, _last)


def _named(made: Made, path: str, module: nn.Module, inside: _Inside) -> Iterator[str]:
    for kind, name in made:
        if kind == "call":
            yield join(path, name)
        elif kind == "module":
            yield join(path, name)
            for found in children(module, name):
                yield from inside(join(path, found), module.get_submodule(found))


def _last(path: str, module: nn.Module) -> Iterator[str]:
    """Yield the paths of those whose memory a module may return."""
    if in_a_row(module):
        yield from _last_of(path, list(present_children(module).items()))
    else:
        yield path
        yield from _named(in_place_changes(own_class(module)).returned, path, module, _last)


def _last_of(path: str, row: list[tuple[str, nn.Module]]) -> Iterator[str]:
    for name, each in reversed(row):
        yield from _last(join(path, name), each)
        if not _passes(each):
            return


def _first(path: str, module: nn.Module) -> Iterator[str]:
    """Yield the paths of those that may read the input of a module."""
    if in_a_row(module):
        for name, each in present_children(module).items():
            yield from _first(join(path, name), each)
            if not _passes(each):
                return
    else:
        yield path
        yield from _named(in_place_changes(own_class(module)).takers, path, module, _first)


def _changes_input(module: nn.Module) -> bool:
    """Tell whether a module may change what it is given."""
    if _is_in_place(module):
        return True
    if in_a_row(module):
        for each in present_children(module).values():
            if _changes_input(each):
                return True
            if not _passes(each):
                return False
        return False
    found = in_place_changes(own_class(module))
    if _is_given(found.results):
        return True
    return any(
        _is_given(handed.made) and _changes_input(module.get_submodule(each))
        for handed in found.handed
        for each in children(module, handed.path)
    )


def _passes(module: nn.Module) -> bool:
    """Tell whether a module may return the memory that it is given."""
    if isinstance(module, _PASSING) or _is_in_place(module):
        return True
    if in_a_row(module):
        return all(map(_passes, present_children(module).values()))
    kind = own_class(module)
    unread = "forward" not in methods(kind) and not kind.__module__.startswith("torch.nn.")
    return unread or _is_given(in_place_changes(kind).returned)


def _is_in_place(module: nn.Module) -> bool:
    """Tell whether a module changes its input by torch's setting, or because what it replaced did."""
    return getattr(module, "inplace", False) is True or getattr(module, "in_place", None) == "itself"


def _is_given(made: Made) -> bool:
    return any(kind == ARGUMENT for kind, _ in made)


def _overwrites(parent: nn.Module, name: str, module: nn.Module, walked: bool) -> bool:
    """Tell whether a module changes its input and something else may see it."""
    if not _is_in_place(module):
        return False
    kind = own_class(parent)
    if kind.__module__.startswith("torch.nn.") and not isinstance(parent, _CONTAINERS):
        return False  # torch's own layers show the input to nobody
    if not in_a_row(parent):
        elsewhere = {call.name for call in opened(parent)}
        calls = uses(kind, name)
        return not calls or any(input_may_be_seen(call) for call in calls if call.name not in elsewhere)
    before = []
    for known, each in present_children(parent).items():
        if known == name:
            break
        before.append(each)
    return walked or all(map(_passes, before))
