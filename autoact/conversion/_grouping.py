"""Groups of layers that make one choice: by rules, copies of networks, and calls that mirror each other."""

from collections.abc import Mapping, Sequence
from typing import Any

from autoact.conversion._places import Place
from autoact.conversion.surroundings import mirrored
from autoact.spaces import LayerRule, SearchSpace


def rule_of(space: SearchSpace, paths: Sequence[str]) -> LayerRule | None:
    """Return the first rule that matches any path of a module."""
    return next((rule for rule in space.layers if any(map(rule.matches, paths))), None)


def groups_of(
    space: SearchSpace,
    places: Mapping[str, Place],
    names: Mapping[str, Sequence[str]],
    follows: Mapping[str, str],
) -> tuple[tuple[str, ...], ...]:
    """Return who chooses together; in a group, those that follow others come last.

    Args:
        space: The space, whose rules may share a choice.
        places: Activations by path.
        names: Paths that rules may match, by path.
        follows: Path in the source of each activation in a copy.
    """
    pairs = _mirrored(space, places)
    groups: dict[Any, list[str]] = {}
    for path in sorted(names, key=lambda path: path in follows):
        rule = rule_of(space, names[path])
        together = rule is not None and rule.share == "group"
        first = follows.get(path, path)
        groups.setdefault(id(rule) if together else pairs.get(first, first), []).append(path)
    return tuple(tuple(group) for group in groups.values())


def _mirrored(space: SearchSpace, places: Mapping[str, Place]) -> dict[str, str]:
    """Return the first call for each second one of a CReLU, unless different rules speak about the two."""
    pairs = mirrored({path: place.site for path, place in places.items() if place.site is not None})
    return {
        path: first
        for path, first in pairs.items()
        if places[path].choice == places[first].choice
        and rule_of(space, places[path].names) is rule_of(space, places[first].names)
    }
