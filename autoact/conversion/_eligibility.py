"""Eligibility for a search: activations between layers, whose range is free, unless a rule says otherwise.

What fixes a range for a reason stays: an output's, a gate's, a probability's, a positional code's. A rule of
the search space whose last part is written out, such as `blocks.*.gate`, includes it all the same.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.nn.utils.parametrize import ParametrizationList

from autoact.activations import get
from autoact.conversion._places import Found, Place
from autoact.conversion.flow import RangeUse
from autoact.conversion.source import Call, Site, is_step, own_class, reached, uses
from autoact.conversion.surroundings import Roles, fed_by_child, fed_by_parameter, join, questions
from autoact.nn import FixedActivation
from autoact.spaces import Choice, LayerRule, SearchSpace

_HIDDEN_FAMILIES = ("rectifier", "exponential", "self-gated")
_POSITIVE = ("softplus", "squareplus", "exp")  # of these families, but often there to make a result positive
_BOUNDED = ("hardtanh",)  # relu6 is what mobile networks use between layers
_BOUNDED_BY = 50.0  # e to the power of that is far below what float32 holds
_BESIDE_HIDDEN = ("tanh", "scaled_tanh", "penalized_tanh", "arctan", "softsign", "isru")
_OWN_KINDS = {"attention": "attention", "lstm": "a recurrent cell", "gru": "a recurrent cell"}
_GLU = {"silu": "SwiGLU", "swish": "SwiGLU", "gelu": "GeGLU", "gelu_tanh": "GeGLU", "relu": "ReGLU"}


@dataclass(frozen=True, slots=True)
class Eligibility:
    """Whether an activation is searched by default.

    Attributes:
        reason: Why it is not; None if it is.
        block: The kind of GLU block it opens, if any.
    """

    reason: str | None = None
    block: str | None = None


def eligible(
    model: nn.Module,
    place: Place,
    roles: Roles,
    candidates: Container[str] = (),
    asking: Call | None = None,
) -> Eligibility:
    """Return whether an activation is one to search by default.

    Args:
        model: The model.
        place: Of the activation.
        roles: Of the model's activations.
        candidates: Of the space: what it lists and what a layer feeds is searched, such as a SIREN's sine.
        asking: A line that asks what the activation is.
    """
    name = place.choice.activation if place.choice else ""
    hidden = bool(name) and _is_hidden(name)
    owner = model.get_submodule(place.paths[0].rpartition(".")[0])
    gate = any(path in roles.gates for path in place.names)
    if not name:
        return Eligibility()
    if place.site is not None and place.site.what != "call":
        return _of_product(model, place, owner)
    if asking is not None:
        what = f"{asking} asks what it is, and a layer answers otherwise: ask for its name or place there"
        return Eligibility(f"{what}; {_remedy(place.paths[0])}")
    if _of_parameters(model, place, owner):
        return Eligibility(f"it computes a parameter, which its range constrains; {_remedy(place.paths[0])}")
    if use := _range_use(place, roles):
        return Eligibility(f"its result {use.why} ({use.call}); {_remedy(place.paths[0])}")
    if gate and hidden:
        return Eligibility(block=_GLU.get(name, f"{name} GLU"))
    listed = name in candidates and name not in _POSITIVE and _fed_by_layer(owner, place)
    reason = _purpose(name, hidden or listed, place, roles, gate) or _surroundings(hidden, place, owner)
    reason = reason or _frozen(model, place.paths[0])
    return Eligibility(reason and f"{reason}; {_remedy(place.paths[0])}")


def asked(model: nn.Module, places: Mapping[str, Place]) -> dict[str, Call]:
    """Return a line of the model's code that asks what an activation is, for each of which one does.

    Args:
        model: The model.
        places: Its activations by path.
    """
    held = {each: place.present for place in places.values() for each in _held(place)}
    found = questions(model, {each: present for each, present in held.items() if present is not None})
    lines = {path: [found[each] for each in _held(place) if each in found] for path, place in places.items()}
    return {path: calls[0] for path, calls in lines.items() if calls}


def _held(place: Place) -> tuple[str, ...]:
    """Return the paths of the module or function that computes an activation."""
    owner = place.paths[0].rpartition(".")[0]
    if place.site is not None and place.site.attribute is not None:
        return (join(owner, place.site.attribute),)
    return place.paths


def _of_product(model: nn.Module, place: Place, owner: nn.Module) -> Eligibility:
    """Return the verdict on the gate of a GLU or a maxout, which is searched, or a factor, which is not."""
    path = place.paths[0]
    reason = _surroundings(False, place, owner) or _frozen(model, path)
    if place.site is not None and place.site.is_factor:
        reason = "it is the linear factor of a gated block"
    if reason:
        return Eligibility(f"{reason}; {_remedy(path)}")
    return Eligibility(block="GLU" if place.site is not None and place.site.what == "glu" else None)


def _is_hidden(name: str) -> bool:
    return get(name).family in _HIDDEN_FAMILIES and name not in _POSITIVE


def _fed_by_layer(owner: nn.Module, place: Place) -> bool:
    """Tell whether every call of an activation is given what a child of its module computes."""
    calls = _calls(owner, place)
    return bool(calls) and all(map(fed_by_child, calls))


def _of_parameters(model: nn.Module, place: Place, owner: nn.Module) -> bool:
    """Tell whether an activation is applied to weights: in a parametrization, or by a call."""
    path = place.paths[0]
    while path:
        path = path.rpartition(".")[0]
        if isinstance(model.get_submodule(path), ParametrizationList):
            return True
    return any(fed_by_parameter(call, owner) for call in _calls(owner, place))


def _calls(owner: nn.Module, place: Place) -> tuple[Site, ...]:
    return place.sites or uses(own_class(owner), place.paths[0].rpartition(".")[2])


def _range_use(place: Place, roles: Roles) -> RangeUse | None:
    """Return a use of an activation's result that not every activation could have, if there is one."""
    uses = {use for path in place.names for use in roles.ranged.get(path, ())}
    counting = [use for use in uses if _counts(use, place.choice)]
    return min(counting, key=lambda use: (use.call.file, use.call.line, use.why), default=None)


def _counts(use: RangeUse, choice: Choice | None) -> bool:
    if use.added is None and not use.bound:
        return True
    if choice is None or choice.channels is not None:
        return False
    grid = torch.linspace(-1e6, 1e6, 2001, dtype=torch.float64)
    values = get(choice.activation)(grid, **choice.parameters)
    if use.added is None:
        return float(values.max()) < _BOUNDED_BY
    return get(choice.activation).family != "self-gated" and float(values.min()) + use.added >= -1e-9


def _purpose(name: str, hidden: bool, place: Place, roles: Roles, gate: bool) -> str | None:
    if gate and get(name).family != "periodic":
        return f"{name} is a gate: its result multiplies another"
    if any(path in roles.heads for path in place.names) and (name in _BOUNDED or not _is_hidden(name)):
        return f"{name} is an output head: the model returns its result"
    if hidden or name in _BESIDE_HIDDEN or isinstance(place.present, FixedActivation):
        return None
    if any(path in roles.between for path in place.names):
        return None
    return f"{name} may be a gate, a probability or a positional code"


def _surroundings(hidden: bool, place: Place, owner: nn.Module) -> str | None:
    kind = own_class(owner)
    if place.site is not None:
        method = place.site.method.name
        if is_step(method):
            return f"{place.site.call} is part of a loss or of a training step"
        if method not in reached(kind):
            return f"{place.site.call} stands in {method}, which forward does not call"
    own = next((what for word, what in _OWN_KINDS.items() if word in kind.__name__.lower()), None)
    return f"it is part of {own}" if own and not hidden else None


def _frozen(model: nn.Module, path: str) -> str | None:
    """Return a reason to keep a frozen part as it was trained, such as a teacher: others learn from it."""
    if not any(parameter.requires_grad for parameter in model.parameters()):
        return None
    around = path.rpartition(".")[0]
    while around:
        part = model.get_submodule(around)
        trained = [parameter.requires_grad for parameter in part.parameters()]
        if trained and not any(trained) and not part.training:
            return f"it is part of {around}, which is frozen and in evaluation mode"
        around = around.rpartition(".")[0]
    return None


def _remedy(path: str) -> str:
    return f"a rule match: {path!r} includes it"


def includes(rule: LayerRule | None, paths: Sequence[str]) -> bool:
    """Tell whether a rule names an activation, rather than matching whatever is there.

    Example:
        >>> includes(LayerRule(match="blocks.*.gate"), ["blocks.0.gate"])
        True
        >>> includes(LayerRule(match="blocks.*"), ["blocks.0.gate"])
        False
    """
    if rule is None or rule.keep:
        return False
    last = rule.match.rpartition(".")[2]
    return not set("*?[") & set(last) and any(path.rpartition(".")[2] == last for path in paths)


def without_factors(found: Found, space: SearchSpace) -> Found:
    """Return what was found without the linear factors of products that no rule names.

    Args:
        found: Activations of a model.
        space: The search space, whose rules may name them.
    """
    kept = {
        path: place
        for path, place in found.places.items()
        if place.site is None
        or not place.site.is_factor
        or any(includes(rule, place.names) for rule in space.layers)
    }
    return replace(found, places=kept)
