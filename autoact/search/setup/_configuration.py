"""Configuration file of a run, config.yaml: what it was asked to do, and what may not change on resuming."""

from collections.abc import Mapping
from pathlib import PurePath
from types import MappingProxyType
from typing import Any

import autoact
from autoact.errors import ConfigurationError
from autoact.search.setup._settings import MAY_CHANGE, MAY_GROW, Settings, looks_until
from autoact.search.setup._storage_urls import without_password
from autoact.spaces import SearchSpace


def configuration(
    settings: Settings,
    space: SearchSpace,
    *,
    task: str,
    study: str,
    source: Mapping[str, Any] | None,
    found: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return the content of config.yaml, in plain types.

    Args:
        settings: The settings of the search.
        space: The search space, kept whole, so that a resumed run does not depend on its file.
        task: What the model is called.
        study: Name of the Optuna study.
        source: What the caller needs to make model and data again, such as a configuration file's content.
        found: What was found before the start and holds for the whole run, in plain types: layers that never
            run, why there is no mixture, the size of stacks, the second goal, what identifies model and data;
            what is empty is left out.
    """
    return {
        "autoact": autoact.__version__,
        "task": task,
        "study": study,
        "space": space.to_dict(),
        **{name: content for name, content in found.items() if content},
        "search": storable(settings.to_dict()),
        "source": _kept(source) if source is not None else None,
    }


def _kept(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return a source as it is kept: a configuration file's content without a password."""
    content: dict[str, Any] = storable(dict(source))
    search = (content.get("configuration") or {}).get("search") or {}
    if isinstance(search.get("storage"), str):
        search["storage"] = without_password(search["storage"])
    return content


def require_same(stored: Mapping[str, Any], settings: Settings, space: SearchSpace) -> None:
    """Raise if a run that is resumed would not be the run that began, or would be less of it.

    Raises:
        ConfigurationError: Names the first setting that differs, with both values.
    """
    before, now = dict(stored.get("search") or {}), storable(settings.to_dict())
    for name, new in now.items():
        if name in MAY_GROW and new >= before.get(name, 0):
            continue
        if name == "looks" and _go_on(before, now):
            continue
        if name not in MAY_CHANGE and before.get(name) != new:
            raise ConfigurationError(_changed(name, before.get(name), new))
    known = SearchSpace.from_dict(stored["space"], source="config.yaml")
    if known.fingerprint() != space.fingerprint():
        raise ConfigurationError(_changed("space", stored["space"], space.to_dict()))


def _go_on(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Tell whether looks are those of before and more, or the usual ones as before."""
    looks = before.get("looks")
    return (is_usual(before) and is_usual(now)) or now["looks"][: len(looks or ())] == looks


def is_usual(search: Mapping[str, Any]) -> bool:
    """Tell whether the looks of a run's settings are those that its seeds have if none are given."""
    seeds = search.get("seeds")
    return seeds is not None and search.get("looks") == list(looks_until(seeds))


def storable(value: Any) -> Any:
    """Return a value in types that YAML keeps; an object becomes the name of its class.

    Example:
        >>> storable({"max_epochs": 3, "callbacks": (object(),)})
        {'max_epochs': 3, 'callbacks': ['builtins.object']}
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [storable(item) for item in value]
    if isinstance(value, PurePath):
        return str(value)
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _changed(name: str, before: Any, now: Any) -> str:
    least = " or a larger one" if name in MAY_GROW else ""
    return (
        f"The run cannot be resumed: {name} was {before!r} and is {now!r} now. Budget and "
        f"seeds may grow, and hours be added: resume it with the old {name}{least}, or start a new run in "
        "another directory."
    )
