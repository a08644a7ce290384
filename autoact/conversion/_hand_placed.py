"""Layers that a user placed by hand: `AutoActivation` modules that the model makes itself."""

from collections.abc import Mapping
from typing import Any

from autoact.conversion._places import Found, Place
from autoact.conversion._recipe import Entry
from autoact.errors import ConfigurationError
from autoact.nn import AutoActivation
from autoact.spaces import LayerRule, SearchSpace

_BARE = "the model is a bare AutoActivation; put it into nn.Sequential to have an activation chosen for it"


def hand_placed(found: Found, earlier: Mapping[str, Entry]) -> tuple[dict[str, Place], dict[str, str]]:
    """Return the places of layers that no conversion made, and why one cannot be replaced.

    Args:
        found: Activations of a model.
        earlier: What conversions made of it.
    """
    converted = {path for entry in earlier.values() for path in entry["paths"]}
    placed = {
        path: place
        for path, place in found.places.items()
        if isinstance(place.present, AutoActivation) and path not in converted
    }
    return {path: place for path, place in placed.items() if path}, {"": _BARE} if "" in placed else {}


def check_hand_placed(layer: AutoActivation, path: str, rule: LayerRule | None, space: SearchSpace) -> None:
    """Refuse a space that speaks about a layer's candidates, which are its own.

    Args:
        layer: The layer.
        path: Where it is.
        rule: Of the space, that matches it.
        space: The search space.

    Raises:
        ConfigurationError: A rule gives it candidates or a group, or a requirement rules out a candidate.
    """
    if rule is not None and (rule.candidates or rule.share == "group"):
        what = "candidates" if rule.candidates else "share: group"
        place = f"{rule.place}: " if rule.place else ""
        raise ConfigurationError(
            f"{place}The rule match: {rule.match!r} gives {what} to {path}, an AutoActivation of the model's "
            "own: it has its own candidates, and it is shared where one instance is at several places. Let "
            "the rule match other layers only, or put an activation such as nn.ReLU() at this place."
        )
    for name in layer.candidates:
        if broken := space.require.violation(name, layer.bounds):
            raise ConfigurationError(
                f"{path} is an AutoActivation with {name} among its candidates, which space {space.name!r} "
                f"rules out: {broken}. Take it off the layer's list, narrow its bounds, or relax `require`."
            )


def own_settings(layer: AutoActivation) -> dict[str, dict[str, Any]]:
    """Return the parameter values with which a layer's candidates begin, of those that have any."""
    values = {
        name: {**layer.bounds.defaults(name), **layer.settings.get(name, {})} for name in layer.candidates
    }
    return {name: own for name, own in values.items() if own}
