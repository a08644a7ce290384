"""Stretching from a small model to a large one: an assignment moved by relative depth."""

import re
from collections.abc import Iterable, Iterator, Mapping

from autoact.errors import ConfigurationError, did_you_mean
from autoact.spaces._choice import Choice
from autoact.spaces._depth import block_of
from autoact.spaces._rule import LayerRule
from autoact.spaces._space import SearchSpace

Choices = Mapping[str, Choice]


def stretch(choices: Choices, paths: Iterable[str], space: SearchSpace | None = None) -> dict[str, Choice]:
    """Return a choice for every path of another model, from the layer of its kind nearest in relative depth.

    Two layers are of a kind if their paths differ in the block's number only, such as `layers.3.act` and
    `layers.11.act`. A layer in a rule of the space that shares one choice takes that rule's choice.

    Args:
        choices: By layer path of the model in which they were found, in its order.
        paths: Layer paths of the other model, in order.
        space: The search space; needed only where choices are shared.

    Raises:
        ConfigurationError: A path of a kind that the choices do not know; lists the kinds.
    """
    target = list(paths)
    shared = _shared(choices, target, space) if space else {}
    found = {**dict(_nearest(choices, target, set(shared))), **shared}
    return {path: found[path] for path in target}


def _nearest(choices: Choices, target: list[str], done: set[str]) -> Iterator[tuple[str, Choice]]:
    """Give every path the choice of the layer of its kind whose relative depth is nearest."""
    exact, loose = _kinds(choices), _kinds(choices, loose=True)
    own = {path: depth for kind in _kinds(target).values() for path, depth in kind.items()}
    own_loose = {path: depth for kind in _kinds(target, loose=True).values() for path, depth in kind.items()}
    for path in target:
        near, at = exact.get(kind_of(path)), own[path]
        if near is None:
            near, at = loose.get(kind_of(path, loose=True)), own_loose[path]
        if path in done:
            continue
        if near is None:
            raise ConfigurationError(
                f"No choice for {path!r}: the assignment knows {', '.join(exact)}."
                f"{did_you_mean(kind_of(path), exact)}"
            )
        yield path, _at(choices, near, at)


def _at(choices: Choices, near: Mapping[str, float], at: float) -> Choice:
    return choices[min(near, key=lambda path: abs(near[path] - at))]


def kind_of(path: str, *, loose: bool = False) -> str:
    """Return a path with its block's number replaced by a star; every number if `loose`.

    Example:
        >>> kind_of("layers.3.mlp.1"), kind_of("layers.3.mlp.1", loose=True)
        ('layers.*.mlp.1', 'layers.*.mlp.*')
    """
    if loose:
        return re.sub(r"(?:^|(?<=\.))\d+(?=\.|$)", "*", path)
    block = block_of(path)
    parent, dot, last = block.rpartition(".")
    return f"{parent}{dot}*{path[len(block) :]}" if last.isdigit() else path


def _kinds(paths: Iterable[str], *, loose: bool = False) -> dict[str, dict[str, float]]:
    """Return kinds of layers, each with its paths and their relative depth among themselves."""
    kinds: dict[str, list[str]] = {}
    for path in paths:
        kinds.setdefault(kind_of(path, loose=loose), []).append(path)
    return {
        kind: {path: (index + 0.5) / len(found) for index, path in enumerate(found)}
        for kind, found in kinds.items()
    }


def _shared(choices: Choices, target: list[str], space: SearchSpace) -> dict[str, Choice]:
    """Return the choices of layers in rules that share one, where the small model has such layers too."""
    small, large = space.within(choices), space.within(target)
    made: dict[int, Choice] = {}
    for path, choice in choices.items():
        rule = small.rule_for(path)
        if rule is not None and rule.share == "group":
            made.setdefault(_index(small, rule), choice)
    found = {}
    for path in target:
        rule = large.rule_for(path)
        if rule is not None and _index(large, rule) in made:
            found[path] = made[_index(large, rule)]
    return found


def _index(space: SearchSpace, rule: LayerRule) -> int:
    return space.layers.index(rule)
