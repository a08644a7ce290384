"""Names of the layers of calls: relu_1, relu_2, ...; calls of which only one can run share one.

A call that shares its layer also has a name of its own, relu_1a and relu_1b, for rules that take it apart.
"""

import ast
import inspect
from collections import Counter
from collections.abc import Container, Sequence
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any

from autoact.activations import get
from autoact.conversion.source._branches import exclusive

if TYPE_CHECKING:
    from autoact.conversion.source._call_sites import Site


def named(found: "Sequence[Site]", taken: Container[str]) -> list[tuple[str, str]]:
    """Return the layer and the own name of each call, in the order of the source.

    Args:
        found: Calls, whose `name` is that of the activation or attribute.
        taken: Names that the class uses itself.
    """
    counts: Counter[str] = Counter()
    names: dict[Site, tuple[str, str]] = {}
    for together in _together(found):
        what = together[0].name
        counts[what] += 1
        layer = _free(what, counts[what], taken)
        for index, site in enumerate(together):
            names[site] = layer, layer if len(together) == 1 else _own(layer, index, taken)
    return [names[site] for site in found]


def _together(found: "Sequence[Site]") -> "list[list[Site]]":
    """Return calls by layer: each joins the first layer of which it excludes every call."""
    layers: list[tuple[Any, list[Site]]] = []
    for site in found:
        key = site.name, site.method, _settings(site)
        for other, calls in layers:
            if other == key and all(exclusive(site.method.tree, each.node, site.node) for each in calls):
                calls.append(site)
                break
        else:
            layers.append((key, [site]))
    return [calls for _, calls in layers]


def _free(what: str, number: int, taken: Container[str]) -> str:
    name = f"{what}_{number}"
    while name in taken:
        name = f"{what}_call_{number}" if "_call_" not in name else f"{name}_"
    return name


def _own(layer: str, index: int, taken: Container[str]) -> str:
    name = layer + ascii_lowercase[index % 26] * (index // 26 + 1)
    while name in taken:
        name += "_"
    return name


def _settings(site: "Site") -> tuple[Any, ...]:
    """Return what a call gives besides its input, in a form that is equal where it means the same."""
    if site.is_factor or site.what == "maxout":
        return ()
    given, keywords = site.node.args[1:], site.node.keywords
    by_name = {each.arg or "**": each.value for each in keywords if each.arg not in ("input", "x")}
    twin = get(site.activation).twin if site.activation else None
    plain = tuple(map(_value, given)), tuple((name, _value(value)) for name, value in by_name.items())
    if twin is None:
        return plain
    try:
        bound = inspect.signature(twin.module).bind(*given, **by_name)
    except TypeError:
        return plain
    bound.apply_defaults()
    return tuple((name, _value(value)) for name, value in bound.arguments.items() if name != "inplace")


def _value(given: Any) -> Any:
    """Return a constant's value, an expression's text."""
    if not isinstance(given, ast.AST):
        return repr(given) if isinstance(given, list | dict) else given
    try:
        value = ast.literal_eval(given)
    except ValueError:
        return ast.unparse(given)
    return value if isinstance(value, bool | int | float | str | None) else ast.unparse(given)
