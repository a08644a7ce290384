"""Calls of activations in a module's source: which can be rewritten, and the rewriting of one."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from types import MethodType
from typing import Any

from torch import nn

from autoact.conversion.source._call_arguments import (
    choice_of,
    choice_of_held,
    has_settings,
    input_of,
    may_be_seen,
    works_in_place,
)
from autoact.conversion.source._call_sites import (
    Site,
    attribute_names,
    factors,
    is_repeated,
    only_called,
    reached,
    sites,
    uses,
)
from autoact.conversion.source._maxout import is_maxout, maxima
from autoact.conversion.source._methods import methods
from autoact.conversion.source._rewriting import (
    Opened,
    keep_original,
    open_call,
    opened,
    own_class,
    recompiled,
)
from autoact.conversion.source._turns import loops_around, turns_of
from autoact.errors import ConversionError
from autoact.spaces import Choice

_OF_TORCH = frozenset(vars(nn.Module()))
_ITERATING = {"children", "named_children", "modules", "named_modules", "_modules"}


def function_calls(module: nn.Module) -> Iterator[tuple[Site, Choice | None, str | None]]:
    """Yield the calls of functions that are not rewritten yet, what they compute, or why they must stay."""
    for site in sites(own_class(module)):
        trouble = site.trouble or _trouble(module, site)
        for each in _closed(module, [site] if trouble else _in_turns(module, [site])):
            try:
                yield each, None if trouble else choice_of(each, module), trouble
            except ConversionError as error:
                yield each, None, str(error)


def factor_calls(module: nn.Module) -> Iterator[tuple[Site, ast.expr, ast.expr]]:
    """Yield the factors of products that can be rewritten and are not yet, as `factors` returns them."""
    for site, own, other in factors(own_class(module)):
        if not (site.trouble or _trouble(module, site)):
            for each in _closed(module, _in_turns(module, [site])):
                yield each, own, other


def maxout_calls(module: nn.Module) -> Iterator[Site]:
    """Yield the maxima over pieces of layers' results that can be rewritten and are not yet."""
    for site in maxima(own_class(module)):
        if not (site.trouble or _trouble(module, site)) and is_maxout(site, module):
            yield from _closed(module, _in_turns(module, [site]))


def separate_uses(module: nn.Module, attribute: str) -> list[Site] | None:
    """Return the calls self.ATTRIBUTE(...) that get a layer each and have none yet.

    None where the attribute is replaced as it is: its calls share one layer, or cannot be told apart.
    """
    calls = _in_turns(module, uses(own_class(module), attribute))
    left = divided_uses(module, attribute)
    several = len({site.layer for site in calls}) > 1 or any(_needs_rewriting(site, module) for site in calls)
    return left if several or left is None or len(left) < len(calls) else None


def divided_uses(module: nn.Module, attribute: str) -> list[Site] | None:
    """Return the calls self.ATTRIBUTE(...) that can have a layer each and have none yet, exclusive or not.

    None where the attribute is replaced as it is in any case.
    """
    kind = own_class(module)
    calls = _in_turns(module, uses(kind, attribute))
    rewriting = len(calls) > 1 or any(_needs_rewriting(site, module) for site in calls)
    if not rewriting or not only_called(kind, attribute):
        return None
    if any(site.trouble or site.method.name not in reached(kind) or _trouble(module, site) for site in calls):
        return None
    return _closed(module, calls)


def _in_turns(module: nn.Module, calls: Iterable[Site]) -> list[Site]:
    """Return calls, those in loops that take other layers every turn once for each turn."""
    found, calls = list[Site](), list(calls)
    for site in calls:
        turns = turns_of(site.method, site.node, module) or []
        if len(turns) < 2 or site.trouble:
            found.append(site)
            continue
        again = len(loops_around(site.method, site.node)) > len(turns[0])
        loop = again or is_repeated(own_class(module), site.method)
        names = {"".join(f"_{number + 1}" for _, _, number in turn): turn for turn in turns}
        taken = attribute_names(own_class(module))
        whole = site.attribute if site.attribute and len(calls) == 1 else site.written
        whole = site.written if any(whole + name in taken for name in names) else whole
        while any(whole + name in taken for name in names):
            whole += "_"
        for name, turn in names.items():
            name = whole + name
            found.append(replace(site, name=name, layer=name, turn=turn, whole=whole, loop=loop))
    return found


def _closed(module: nn.Module, calls: Iterable[Site]) -> list[Site]:
    """Return the calls that are not rewritten yet."""
    done = {(call.name, call.turn) for call in opened(module)}
    return [each for each in calls if done.isdisjoint({(each.written, ()), (each.written, each.turn)})]


def _needs_rewriting(site: Site, module: nn.Module) -> bool:
    """Tell whether a layer cannot stand in for the attribute: it gets settings, or changes its input."""
    try:
        by_keyword = bool(site.node.keywords) and input_of(site) is not None
        settings = has_settings(site) and not _is_module(module, site)
        return by_keyword or settings or (works_in_place(site, module) and may_be_seen(site))
    except ConversionError:
        return False


def held_calls(
    module: nn.Module, apart: list[Site], name: str, bound: Mapping[str, Any]
) -> Iterator[tuple[Site, Choice | None, str | None]]:
    """Yield calls of a held function that get a layer each, what they compute, or why they must stay.

    Args:
        module: That holds the function.
        apart: What `separate_uses` found.
        name: Of the activation that the function computes.
        bound: Settings that it has already.
    """
    for site in apart:
        try:
            yield site, choice_of_held(site, module, name, bound), None
        except ConversionError as error:
            yield site, None, str(error)


def settings_trouble(module: nn.Module, attribute: str) -> str | None:
    """Return why a held function must stay as it is: a call gives it settings and cannot be rewritten."""
    for site in uses(own_class(module), attribute):
        if _needs_rewriting(site, module) and has_settings(site):
            return f"{site.call} gives it settings, in source that cannot be rewritten"
    return None


def _is_module(module: nn.Module, site: Site) -> bool:
    return isinstance(getattr(module, site.attribute or "", None), nn.Module)


def called_module(module: nn.Module, name: str) -> nn.Module | None:
    """Return the module that runs now at the call that a layer's name stands for, if one does."""
    attribute = next((site.attribute for site in _named(module, name)), None)
    return module._modules.get(attribute) if attribute else None


def open_at(module: nn.Module, name: str) -> bool:
    """Let the calls that a layer's name stands for go to that layer; False if the source has no such call."""
    found = _named(module, name)
    for site in found:
        in_place = works_in_place(site, module) and may_be_seen(site)
        open_call(module, Opened(site.written, site.attribute or "", in_place, name, site.turn))
    for attribute in {site.attribute for site in found if site.attribute}:
        _retire(module, attribute)
    return bool(found)


def can_open(module: nn.Module, name: str) -> bool:
    """Tell whether a module's source has a call that a layer's name stands for."""
    return bool(_named(module, name))


def _named(module: nn.Module, name: str) -> list[Site]:
    """Return the calls that a layer's name stands for: one, or all that share this layer."""
    apart = [site for attribute in _attributes(module) for site in divided_uses(module, attribute) or ()]
    known = [*apart, *(site for site, choice, _ in function_calls(module) if choice is not None)]
    known += [*(site for site, *_ in factor_calls(module)), *maxout_calls(module)]
    own = [site for site in known if name == site.name] or [site for site in known if name == site.layer]
    turns = [site for site in known if name == site.whole]
    return own or [replace(site, turn=()) for site in turns[:1]]


def _attributes(module: nn.Module) -> list[str]:
    return [name for name in (*vars(module), *module._modules) if name not in _OF_TORCH]


def _retire(module: nn.Module, attribute: str) -> None:
    """Put nothing in the place of an activation that no call reaches any more."""
    if divided_uses(module, attribute) == [] and isinstance(getattr(module, attribute), nn.Module):
        keep_original(module, attribute)
        module._modules[attribute] = nn.Identity()


def _trouble(module: nn.Module, site: Site) -> str | None:
    """Return why the source of a module cannot be rewritten here."""
    if isinstance(module, nn.Sequential | nn.ModuleList | nn.ModuleDict):
        return f"{type(module).__name__} is a container, which a new layer would lengthen"
    if site.method.name in vars(module):
        return f"{site.method.name} was replaced on this object"
    for name, value in vars(module).items():
        if _binds(value, site.method.name):
            return (
                f"self.{name} holds {site.method.name} as it was; call self.{site.method.name}(...) instead"
            )
    kind = own_class(module)
    for method in (methods(kind)[name] for name in reached(kind)):
        for node in ast.walk(method.tree):
            if isinstance(node, ast.Attribute) and node.attr in _ITERATING and method.is_own(node.value):
                return f"{method.name} reads self.{node.attr}, which a new layer would change"
    return _source_trouble(site)


def _binds(value: Any, name: str) -> bool:
    """Tell whether an object is a method of this name, bound to its module, or a table of such methods."""
    if isinstance(value, Mapping):
        return any(_binds(each, name) for each in value.values())
    if isinstance(value, list | tuple):
        return any(_binds(each, name) for each in value)
    bound = value.func if isinstance(value, partial) else value
    return isinstance(bound, MethodType) and bound.__func__.__name__ == name


@lru_cache(maxsize=1024)
def _source_trouble(site: Site) -> str | None:
    try:
        input_of(site)
        recompiled(site.method, {})
    except (ConversionError, SyntaxError) as error:
        return str(error)
    return None
