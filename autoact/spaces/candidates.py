"""Lists of candidates: from names or from families of the registry."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from autoact.activations import get, list_activations
from autoact.errors import ConfigurationError
from autoact.spaces.suggestion import did_you_mean


def check_candidates(names: Sequence[str]) -> tuple[str, ...]:
    """Return the registered names of candidates, aliases replaced.

    Args:
        names: At least one activation's name, none twice.

    Raises:
        UnknownActivationError: A name is not registered.
        ConfigurationError: No names, one twice, or not a list of names.
    """
    if isinstance(names, str) or not isinstance(names, Sequence) or not names:
        raise ConfigurationError(f"Candidates are a list of at least one activation's name; got {names!r}.")
    checked = tuple(get(name).name for name in names)
    for name in checked:
        if checked.count(name) > 1:
            raise ConfigurationError(f"The candidate {name!r} is listed twice; remove one.")
    return checked


def select_candidates(
    families: Iterable[str] = (), include: Iterable[str] = (), exclude: Iterable[str] = ()
) -> tuple[str, ...]:
    """Return the names of the families and of `include`, without those of `exclude`.

    Args:
        families: Families as `autoact list` shows them.
        include: Names to add.
        exclude: Names to leave out; each must have been in.

    Raises:
        ConfigurationError: An unknown family, or nothing left, or an excluded name that was not in.
    """
    known = {get(name).family for name in list_activations()}
    wanted = list(families)
    for family in wanted:
        if family not in known:
            raise ConfigurationError(
                f"No family named {family!r}; "
                f"there are: {', '.join(sorted(known))}.{did_you_mean(family, known)}"
            )
    members = [name for name in list_activations() if get(name).family in wanted]
    found = dict.fromkeys([*members, *(get(name).name for name in include)])
    for name in exclude:
        if get(name).name not in found:
            raise ConfigurationError(f"exclude: {name!r} is not among {', '.join(found)}.")
        del found[get(name).name]
    return check_candidates(list(found))


def read_candidates(entry: Any) -> tuple[str, ...]:
    """Return the candidates of a list of names or of {families, include, exclude}."""
    if not isinstance(entry, Mapping):
        return check_candidates(entry)
    allowed = ("families", "include", "exclude")
    for key, names in entry.items():
        if key not in allowed:
            raise ConfigurationError(
                f"unknown key {key!r}; allowed: {', '.join(allowed)}.{did_you_mean(key, allowed)}"
            )
        if isinstance(names, str) or not isinstance(names, Sequence):
            raise ConfigurationError(f"{key}: expected a list of names; got {names!r}.")
    return select_candidates(**entry)
