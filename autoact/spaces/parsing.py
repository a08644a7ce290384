"""From plain data to a SearchSpace, with complaints that name file, line and key."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from autoact.errors import AutoActError
from autoact.spaces.candidates import check_candidates, read_candidates
from autoact.spaces.relaxation import Relaxation
from autoact.spaces.requirements import Requirements
from autoact.spaces.rule import LayerRule
from autoact.spaces.space import VERSION, SearchSpace
from autoact.spaces.yaml_lines import Document, Keys

T = TypeVar("T")
_KEYS = ("version", "name", "candidates", "layers", "require", "relaxation")


def parse_space(document: Document) -> SearchSpace:
    """Build a space from a document.

    Raises:
        ConfigurationError: Something is wrong; names file, line, key, value and remedy.
        UnknownActivationError: A candidate is not registered; names file and line.
    """
    data = document.mapping((), _KEYS)
    if data.get("version", VERSION) != VERSION:
        raise document.error(("version",), f"this autoact reads version {VERSION}; got {data['version']!r}.")
    if "candidates" not in data:
        raise document.error((), "the key 'candidates' is missing: a list of activation names.")
    require = _settings(document, "require", Requirements)
    candidates = _candidates(document, ("candidates",), require)
    return SearchSpace(
        name=str(data.get("name") or document.source),
        candidates=candidates,
        layers=_rules(document, require),
        require=require,
        relaxation=_settings(document, "relaxation", Relaxation),
        source=document.source,
    )


def _candidates(document: Document, keys: Keys, require: Requirements) -> tuple[str, ...]:
    entry = document.at(keys)
    if isinstance(entry, Sequence) and not isinstance(entry, str):
        for index, name in enumerate(entry):
            _within(document, (*keys, index), partial(_check_one, require, name))
    found = _within(document, keys, lambda: read_candidates(entry))
    _within(document, keys, lambda: require.check(found))
    return found


def _check_one(require: Requirements, name: Any) -> None:
    require.check(check_candidates([name]))


def _rules(document: Document, require: Requirements) -> tuple[LayerRule, ...]:
    entries = document.data.get("layers") or []
    if not isinstance(entries, list):
        raise document.error(("layers",), f"expected a list like [{{match: 'net.*'}}]; got {entries!r}.")
    return tuple(_rule(document, ("layers", index), require) for index in range(len(entries)))


def _rule(document: Document, keys: Keys, require: Requirements) -> LayerRule:
    entry = document.mapping(keys, ("match", "keep", "share", "candidates"))
    if "match" not in entry:
        raise document.error(keys, "the key 'match' is missing: a glob on module paths such as 'net.*'.")
    if entry.get("candidates") is not None:
        entry["candidates"] = _candidates(document, (*keys, "candidates"), require)
    return _within(document, keys, lambda: LayerRule(**entry))


def _settings(document: Document, key: str, kind: Callable[..., T]) -> T:
    """Build one of the small settings classes; each wrong value is reported on its own line."""
    if document.data.get(key) is None:
        return kind()
    entry = document.mapping((key,), tuple(kind.__dataclass_fields__))  # type: ignore[attr-defined]
    for name, value in entry.items():
        _within(document, (key, name), partial(kind, **{name: value}))
    return kind(**entry)


def _within(document: Document, keys: Keys, build: Callable[[], Any]) -> Any:
    """Run `build`; what it complains about gets the place in the document put before it."""
    try:
        return build()
    except AutoActError as error:
        raise type(error)(f"{document.place(keys)}: {error}") from error
