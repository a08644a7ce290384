"""Lists of candidates: from names or from families of the registry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autoact.activations import Named, get, list_activations
from autoact.errors import ConfigurationError, did_you_mean
from autoact.spaces import facts
from autoact.spaces._bounds import Bounds
from autoact.spaces._requirements import Requirements

SELECTORS = ("families", "include", "exclude")


def check_candidates(names: Sequence[Named]) -> tuple[str, ...]:
    """Return the registered names of candidates, whatever `get` finds them by.

    Args:
        names: At least one activation, by name or torch's class, none twice.

    Raises:
        UnknownActivationError: A name is not registered.
        ConfigurationError: No names, one twice, or not a list of names.

    Example:
        >>> check_candidates(["ReLU", "swish"])
        ('relu', 'swish')
    """
    if isinstance(names, str) or not isinstance(names, Sequence) or not names:
        raise ConfigurationError(
            f"Candidates are a list of at least one activation's name, such as [relu, tanh]; got {names!r}."
        )
    checked = tuple(get(name).name for name in names)
    for name in checked:
        if checked.count(name) > 1:
            raise ConfigurationError(f"The candidate {name!r} is listed twice; remove one.")
    return checked


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Candidates, the bounds under which they meet the requirements, and what was done about the others.

    Attributes:
        names: The candidates.
        bounds: Given bounds, and parameters that had to be fixed.
        notes: One sentence for each member of a family that was left out or fixed.
    """

    names: tuple[str, ...]
    bounds: Bounds
    notes: tuple[str, ...] = ()


def select(
    families: Sequence[str],
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    *,
    require: Requirements | None = None,
    bounds: Bounds | None = None,
) -> Selection:
    """Return the members of families and the names of `include`, without those of `exclude`.

    A family brings its members only as far as they fit: one that grows faster than linearly has to be
    included by name, one that breaks a requirement is left out, and one that meets it at the defaults of its
    parameters only gets these fixed. `notes` says so for each.

    Args:
        families: Families as `autoact list` shows them.
        include: Names to add, whatever they are.
        exclude: Names to leave out; each must have been in.
        require: What members must meet.
        bounds: Narrower ranges of parameters.

    Raises:
        UnknownActivationError: A name that is not registered.
        ConfigurationError: An unknown family, or nothing left, or an excluded name that was not in.

    Example:
        >>> found = select(["exponential"], exclude=["celu"], require=Requirements(smoothness=1))
        >>> found.names, found.bounds.to_dict()
        (('elu', 'softplus', 'squareplus'), {'elu': {'alpha': 1.0}})
    """
    everything, named = pool(families, include), {get(name).name for name in include}
    for name in exclude:
        check_excluded(name, everything)
    without = {get(name).name for name in exclude}
    names, notes, kept = [], [], bounds or Bounds()
    for name in everything:
        if name in without:
            continue
        why, fixed = (None, {}) if name in named else _misfit(name, require or Requirements(), kept)
        if why:
            notes.append(f"{name} left out: {why}")
            continue
        if fixed:
            kept = kept.fixed(name, fixed)
            notes.append(f"{name} keeps {_listed(fixed)}: at other values it breaks a requirement")
        names.append(name)
    if not names:
        raise ConfigurationError(f"No candidate is left of {', '.join(families)}. {'; '.join(notes)}.")
    return Selection(names=check_candidates(names), bounds=kept, notes=tuple(notes))


def check_family(family: Any) -> None:
    """Complain about a family that no activation belongs to."""
    known = sorted({get(name).family for name in list_activations()})
    if family not in known:
        raise ConfigurationError(
            f"No family named {family!r}; there are: {', '.join(known)}.{did_you_mean(family, known)}"
        )


def _misfit(name: str, require: Requirements, bounds: Bounds) -> tuple[str | None, dict[str, float]]:
    """Return why a member of a family does not fit, or the parameters to fix so that it does."""
    defaults = tuple(bounds.defaults(name).items())
    if facts.growth(name, defaults) == "superlinear":
        return "it grows faster than linearly; `include` it if you want it", {}
    broken = require.violation(name, bounds)
    fixed = require.fixing(name, bounds) if broken else {}
    return (None if fixed else broken), fixed


def _listed(values: Mapping[str, float]) -> str:
    return ", ".join(f"{key} = {value:g}" for key, value in values.items())


def pool(families: Sequence[str], include: Sequence[str]) -> list[str]:
    """Return every member of the families, and the names to include, each once."""
    members = [name for name in list_activations() if get(name).family in families]
    return list(dict.fromkeys([*members, *(get(name).name for name in include)]))


def check_excluded(name: str, among: Sequence[str]) -> None:
    """Complain about a name to leave out that is not in."""
    if get(name).name not in among:
        raise ConfigurationError(
            f"exclude: {name!r} is not among {', '.join(among)}; remove it from exclude."
        )
