"""Parsing of plain data into a SearchSpace, with complaints that name file, line and key."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import partial
from typing import Any, TypeVar

from autoact.activations import get
from autoact.errors import AutoActError
from autoact.spaces._bounds import Bounds
from autoact.spaces._candidates import (
    SELECTORS,
    Selection,
    check_candidates,
    check_excluded,
    check_family,
    pool,
    select,
)
from autoact.spaces._relaxation import Relaxation
from autoact.spaces._requirements import Requirements
from autoact.spaces._rule import LayerRule
from autoact.spaces._space import SearchSpace, check_order
from autoact.spaces.files import Document, Keys, check_version

T = TypeVar("T")
_KEYS = ("version", "name", "candidates", "layers", "require", "relaxation", "bounds")
_RULE_KEYS = ("match", "depth", "keep", "share", "candidates")


def parse_space(document: Document) -> SearchSpace:
    """Build a space from a document.

    Args:
        document: What a file of a search space holds.

    Raises:
        ConfigurationError: Something is wrong; names file, line, key, value and remedy.
        UnknownActivationError: A candidate is not registered; names file and line.

    Example:
        >>> parse_space(Document(data={"version": 1, "candidates": ["relu"]}, source="here")).candidates
        ('relu',)
    """
    data = document.mapping((), _KEYS)
    check_version(document, "a search space")
    if "candidates" not in data:
        raise document.error((), "the key 'candidates' is missing: a list of activation names.")
    name = data.get("name") or document.source
    if not isinstance(name, str):
        raise document.error(("name",), f"a name is text; got {name!r}. Put it in quotes.")
    require = _settings(document, "require", Requirements)
    found = _candidates(document, ("candidates",), require, _bounds(document))
    rules, found = _rules(document, require, found)
    return SearchSpace(
        name=name,
        candidates=found.names,
        layers=rules,
        require=require,
        relaxation=_settings(document, "relaxation", Relaxation),
        bounds=found.bounds,
        source=document.source,
        notes=found.notes,
    )


def parse_list(document: Document) -> SearchSpace:
    """Build a space from a document that is nothing but a list of candidates.

    Args:
        document: A list of names of activations or families.

    Example:
        >>> parse_list(Document(data=["relu", "tanh"], source="here")).candidates
        ('relu', 'tanh')
    """
    found = _candidates(document, (), Requirements(), Bounds())
    return SearchSpace("custom", found.names, source=document.source)


def _bounds(document: Document) -> Bounds:
    entry, found = document.data.get("bounds"), Bounds()
    if not isinstance(entry, Mapping):
        return _within(document, ("bounds",), lambda: Bounds.of(entry))
    for name, ranges in entry.items():
        keys = ("bounds", str(name))
        _within(document, keys, partial(get, name))
        for key, value in ranges.items() if isinstance(ranges, Mapping) else ():
            _within(document, (*keys, str(key)), partial(Bounds.of, {name: {key: value}}))
        one = _within(document, keys, partial(Bounds.of, {name: ranges}))
        if any(row[0] == one.ranges[0][0] for row in found.ranges):
            raise document.error(keys, f"{one.ranges[0][0]} is bounded twice, under another name before.")
        found = Bounds((*found.ranges, *one.ranges))
    return found


def _candidates(document: Document, keys: Keys, require: Requirements, bounds: Bounds) -> Selection:
    entry = document.at(keys)
    if isinstance(entry, Mapping):
        return _selected(document, keys, require, bounds)
    _names(document, keys)
    names = _within(document, keys, lambda: check_candidates(entry))
    for index, name in enumerate(names):
        _within(document, (*keys, index), partial(require.check, [name], bounds))
    return Selection(names=names, bounds=bounds)


def _names(document: Document, keys: Keys, check: Callable[[Any], Any] = get) -> list[Any]:
    """Return the list at a place after checking each of its items; nothing at all is an empty list."""
    entry = document.at(keys)
    if not isinstance(entry, list | tuple):
        if entry is None:
            return []
        raise document.error(keys, f"expected a list of names such as [relu, tanh]; got {entry!r}.")
    for index, name in enumerate(entry):
        _within(document, (*keys, index), partial(check, name))
    return list(entry)


def _selected(document: Document, keys: Keys, require: Requirements, bounds: Bounds) -> Selection:
    """Return what {families, include, exclude} stands for."""
    entry = document.mapping(keys, SELECTORS)
    families = _names(document, (*keys, "families"), check_family) if "families" in entry else []
    include = _names(document, (*keys, "include")) if "include" in entry else []
    if not families and not include:
        raise document.error(keys, "nothing is chosen; give `families` or `include`.")
    for index, name in enumerate(include):
        one = (*keys, "include", index)
        _within(document, one, partial(require.check, [get(name).name], bounds))
    among = pool(families, include)
    excluding = partial(check_excluded, among=among)
    exclude = _names(document, (*keys, "exclude"), excluding) if "exclude" in entry else []
    return _within(document, keys, lambda: select(families, include, exclude, require=require, bounds=bounds))


def _rules(
    document: Document, require: Requirements, found: Selection
) -> tuple[tuple[LayerRule, ...], Selection]:
    """Return the rules, and what is found so far with what families in rules add to bounds and notes."""
    entries = document.data.get("layers") or []
    if not isinstance(entries, list | tuple):
        raise document.error(("layers",), f"expected a list like [{{match: 'net.*'}}]; got {entries!r}.")
    rules = []
    for index in range(len(entries)):
        rule, found = _rule(document, ("layers", index), require, found)
        rules.append(rule)
        check_order(rules)
    return tuple(rules), found


def _rule(
    document: Document, keys: Keys, require: Requirements, found: Selection
) -> tuple[LayerRule, Selection]:
    entry = document.mapping(keys, _RULE_KEYS)
    if "match" not in entry:
        raise document.error(keys, "the key 'match' is missing: a glob on module paths such as 'net.*'.")
    if entry.get("candidates") is not None:
        own = _candidates(document, (*keys, "candidates"), require, found.bounds)
        entry["candidates"] = own.names
        notes = tuple(dict.fromkeys((*found.notes, *own.notes)))
        found = Selection(names=found.names, bounds=own.bounds, notes=notes)
    _within(document, (*keys, "match"), lambda: LayerRule(match=entry["match"]))
    for name in ("depth", "keep", "share"):
        if name in entry:
            _within(document, (*keys, name), partial(LayerRule, match=entry["match"], **{name: entry[name]}))
    place = document.place(keys)
    return _within(document, keys, lambda: LayerRule(**entry, place=place)), found


def _settings(document: Document, key: str, kind: Callable[..., T]) -> T:
    """Build one of the small settings classes; each wrong value is reported on its own line."""
    if document.data.get(key) is None:
        return kind()
    entry = document.mapping((key,), tuple(field.name for field in fields(kind)))  # type: ignore[arg-type]
    for name, value in entry.items():
        _within(document, (key, name), partial(kind, **{name: value}))
    return kind(**entry)


def _within(document: Document, keys: Keys, build: Callable[[], Any]) -> Any:
    """Run `build`; what it complains about gets the place in the document put before it."""
    try:
        return build()
    except AutoActError as error:
        raise type(error)(f"{document.place(keys)}: {error}") from error
