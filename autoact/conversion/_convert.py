"""Conversion of a model's activations into layers that learn theirs."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from autoact.activations import PLAIN
from autoact.conversion._conversion_plan import ConversionPlan, SpaceLike, is_converted, plan_and_probe
from autoact.conversion._recipe import Entry, M, entries, in_place_at, let_follow, place, record
from autoact.conversion._rollback import all_or_nothing
from autoact.conversion.probing import Probed, Seen, channels
from autoact.errors import ConfigurationError, ConversionError, did_you_mean
from autoact.nn import AutoActivation
from autoact.spaces import SearchSpace

STARTS = ("same", "uniform")


class SharingWarning(UserWarning):
    """One layer chooses for several places, or one instance in several places became several layers.

    Example:
        >>> issubclass(SharingWarning, UserWarning)
        True
    """


def convert(model: M, space: SpaceLike = "default", *, start: str = "same", example_input: Any = None) -> M:
    """Replace a model's activations by `AutoActivation` layers, in place.

    The activation that a layer has, with its own settings, is always one of its candidates, unless a
    requirement of the space rules it out. `AutoActivation` layers of the model's own stay as they are. The
    candidate `plain` takes no part: a plain block has weights of other shapes than a gated one.
    Converting again with the same space changes nothing.

    Args:
        model: Any module. Activations are found as modules, as functions held in attributes, and as calls in
            the source of methods; output heads and gates stay unless a rule of the space names them.
        space: A space, its name, its path, plain data, or a list of candidates.
        start: "same": the model computes what it did; "uniform": all candidates weigh the same.
        example_input: What the model takes: a tensor, a tuple of arguments or a mapping of keywords. The
            model runs on it in each mode, as it is and with stand-ins, and activations that are never
            called, or that no stand-in can replace, are left alone. Needed for spaces with one choice per
            channel.

    Returns:
        The model. If anything is raised, the model is as it was before.

    Raises:
        ConversionError: Nothing to convert, converted with another space already, or a start that cannot be.
        ConfigurationError: A wrong space or argument.

    Example:
        >>> model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
        >>> convert(model, ["relu", "tanh"])[1]
        AutoActivation(['relu', 'tanh'], start='relu')
    """
    if start not in STARTS:
        raise ConfigurationError(
            f"start is one of {', '.join(STARTS)}; got {start!r}.{did_you_mean(start, STARTS)}"
        )
    plan, probed = plan_and_probe(model, space, example_input)
    _check_earlier(model, plan.space)
    groups = [group for group in plan.groups if not all(is_converted(model, path) for path in group)]
    if not groups:
        return model
    warn_of_sharing(plan, [path for group in groups for path in group], stacklevel=3)
    seen = _counted(plan, probed)
    layers = {path: layer for group in groups for path, layer in _layers(plan, group, start, seen).items()}
    beside = in_place_at(model, [path for group in groups for path in group])
    for group in groups:
        _check_in_place(model, group, beside)
    changed: dict[str, Entry] = {}
    with all_or_nothing(model):
        for group in groups:
            for path in group:
                changed[path] = _entry(plan, path, group, layers, beside[path])
                place(model, path, changed[path], layers[path])
        let_follow(model, changed)
        record(model, changed)
    return model


def _check_earlier(model: nn.Module, space: SearchSpace) -> None:
    earlier = {e["space"] for e in entries(model).values() if e["kind"] == "mixture"}
    if earlier - {space.fingerprint()}:
        raise ConversionError(
            f"The model was converted before, with a search space other than {space.name!r}. "
            "Call finalize(model) first, or convert a fresh model."
        )


def _counted(plan: ConversionPlan, probed: Probed | None) -> dict[str, Seen]:
    if plan.space.relaxation.granularity != "channel":
        return {}
    if probed is None:
        raise ConversionError(
            f"Space {plan.space.name!r} chooses per channel: call convert(..., example_input=a batch), so "
            "that channels can be counted."
        )
    return channels({path: probed.inputs[path] for path in plan.layers})


def _layers(
    plan: ConversionPlan, group: tuple[str, ...], start: str, seen: dict[str, Seen]
) -> dict[str, AutoActivation]:
    """Return the layer of each path: one for all of a group, and one for all of its layers in each copy."""
    made: dict[str, AutoActivation] = {}
    layers: dict[str, AutoActivation] = {}
    for path in group:
        copy = _copy_of(plan, path)
        if copy not in made:
            made[copy] = _layer(plan, group, start, seen)
        layers[path] = made[copy]
    return layers


def _copy_of(plan: ConversionPlan, path: str) -> str:
    """Return the path of the copy that a layer is in, "" for a layer that follows none."""
    if path not in plan.follows:
        return ""
    own, source = path.split("."), plan.follows[path].split(".")
    while own and source and own[-1] == source[-1]:
        own, source = own[:-1], source[:-1]
    return ".".join(own)


def _layer(plan: ConversionPlan, group: tuple[str, ...], start: str, seen: dict[str, Seen]) -> AutoActivation:
    candidates, settings = _together(plan, group)
    relaxation, sizes = plan.space.relaxation, {seen[path] for path in group if path in seen}
    if len(sizes) > 1:
        raise ConversionError(f"Layers {', '.join(group)} share one choice but differ in channels: {sizes}.")
    size = next(iter(sizes), Seen(channels=None, channel_dim=1))
    return AutoActivation(
        candidates,
        granularity=relaxation.granularity,
        channels=size.channels,
        channel_dim=size.channel_dim,
        relaxation=relaxation.kind,
        temperature=relaxation.temperature,
        start=_start(plan, group, candidates) if start == "same" else start,
        learn_parameters=relaxation.learn_parameters,
        standardize=relaxation.standardize,
        settings=settings,
        bounds=plan.space.bounds.of_candidates(candidates),
    )


def _together(plan: ConversionPlan, group: tuple[str, ...]) -> tuple[list[str], dict[str, Any]]:
    """Return the candidates and settings of layers that make one choice."""
    candidates = list(dict.fromkeys(name for path in group for name in plan.candidates[path]))
    candidates = [name for name in candidates if name != PLAIN]  # its weights have other shapes
    settings: dict[str, Any] = {}
    for path in group:
        for name, values in plan.settings[path].items():
            if name in candidates and settings.setdefault(name, values) != values:
                raise ConversionError(
                    f"Layers {', '.join(group)} share one choice, but their {name} differ: {settings[name]} "
                    f"and {values}. Use share: layer."
                )
    return candidates, {name: values for name, values in settings.items() if name in candidates}


def _start(plan: ConversionPlan, group: tuple[str, ...], candidates: list[str]) -> str:
    names = {plan.layers[path].activation for path in group}
    name = names.pop()
    if names:
        raise ConversionError(
            f"Layers {', '.join(group)} share one choice but now are {', '.join(sorted({name, *names}))}: "
            "start='same' cannot be. Use start='uniform', or share: layer."
        )
    if name not in candidates or plan.space.refusal(plan.layers[group[0]]):
        own = plan.layers[group[0]]
        broken = plan.space.refusal(own) or plan.space.require.violation(name, plan.space.bounds)
        raise ConversionError(
            f"{group[0]} now is {own}, which space {plan.space.name!r} rules out: {broken}. "
            "Use start='uniform'."
        )
    return name


def _entry(
    plan: ConversionPlan,
    path: str,
    group: tuple[str, ...],
    layers: Mapping[str, AutoActivation],
    beside: Entry,
) -> Entry:
    layer = layers[path]
    same = [other for other in group if layers[other] is layer]
    return {
        "kind": "mixture",
        "paths": list(plan.paths[path]),
        "original": plan.layers[path].to_dict(),
        "group": same[0] if len(same) > 1 else None,
        "layer": layer.configuration(),
        "space": plan.space.fingerprint(),
        **({"follows": plan.follows[path]} if path in plan.follows else {}),
        **beside,
    }


def _check_in_place(model: nn.Module, group: tuple[str, ...], beside: Mapping[str, Entry]) -> None:
    """Complain if one layer would change its input in some of its places only."""
    present = dict(model.named_modules(remove_duplicate=False))
    own = [path for path in group if beside[path].get("in_place") == "itself"]
    others = [path for path in group if path not in own and not getattr(present.get(path), "inplace", False)]
    if own and others:
        raise ConversionError(
            f"Layers {', '.join(group)} share one choice, but {', '.join(own)} changes its input and "
            f"{', '.join(others)} does not. Use share: layer, or inplace=False in the model."
        )


def warn_of_sharing(plan: ConversionPlan, converted: Sequence[str], *, stacklevel: int) -> None:
    """Warn of layers that choose for several places at once, and of places that choose apart.

    Args:
        plan: The plan.
        converted: Paths that become layers.
        stacklevel: How far up the code stands that the warning points to: 2 is the caller.

    Example:
        >>> from autoact.conversion import find_layers
        >>> plan = find_layers(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), ["relu", "tanh"])
        >>> warn_of_sharing(plan, list(plan.candidates), stacklevel=2)  # one place, one layer
    """
    found = [
        f"{path!r} is one instance used in several places: {', '.join(plan.shared[path])}. It keeps making "
        "one choice; give every place its own instance to let them choose separately."
        for path in converted
        if path in plan.shared
    ]
    lines: dict[str, list[str]] = {}
    for path in converted:
        if path in plan.calls and path not in plan.shared:
            lines.setdefault(", ".join(map(str, plan.calls[path])), []).append(repr(path))
    found += [
        f"{', '.join(paths)} may run several times in one forward, by {line}: one choice for all these times."
        for line, paths in lines.items()
    ]
    if lines:
        found.append(
            "A loop has a choice per turn where it takes other layers every turn, such as `for layer in "
            "self.layers` over an nn.ModuleList."
        )
    if found:
        warnings.warn(" ".join(found), SharingWarning, stacklevel=stacklevel)
    if apart := _apart(plan, converted):
        warnings.warn(apart, SharingWarning, stacklevel=stacklevel)


def _apart(plan: ConversionPlan, converted: Sequence[str]) -> str:
    """Return that one instance has become several layers; nothing where none has."""
    several = sorted({plan.split[path] for path in converted if path in plan.split})
    grouped = [set(group) for group in plan.groups]
    apart = [paths for paths in several if not any(set(paths) <= group for group in grouped)]
    if not apart:
        return ""
    named = "; ".join(", ".join(paths) for paths in apart)
    return (
        f"One module instance was used in several places: {named}. Each place, and each turn of a loop, "
        "now has a layer of its own; a rule with `share: group` lets them choose together."
    )
