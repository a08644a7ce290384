"""Recipe of a conversion: plain types from which a fresh model gets the same structure."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from torch import nn

from autoact.activations import PLAIN
from autoact.conversion._placement import fit, move_hooks, put
from autoact.conversion._places import Found, Place, discover
from autoact.conversion._rollback import all_or_nothing
from autoact.conversion.saving import KEY, carry, decoded, differs, is_in_place, named
from autoact.conversion.source import can_open
from autoact.conversion.surroundings import Neighbors, join, make_block_plain, neighbors, settle
from autoact.errors import ConversionError
from autoact.nn import AutoActivation, InPlace, module_for
from autoact.spaces import Choice

VERSION = 1
_ATTRIBUTE = "_autoact_recipe"
Entry = dict[str, Any]
M = TypeVar("M", bound=nn.Module)


def entries(model: nn.Module) -> dict[str, Entry]:
    """Return what was put where, by layer path; also what was recorded on parts of the model."""
    found: dict[str, Entry] = {}
    for prefix, module in model.named_modules():
        for path, entry in vars(module).get(_ATTRIBUTE, {}).items():
            found[join(prefix, path)] = _moved(entry, prefix)
    return {path: entry for path, entry in found.items() if not _is_over(model, entry)}


def _is_over(model: nn.Module, entry: Entry) -> bool:
    """Tell whether the searched layer of an entry is gone, as when a part of the model was finalized."""
    if entry["kind"] != "mixture":
        return False
    parent, _, name = entry["paths"][0].rpartition(".")
    return not isinstance(model.get_submodule(parent)._modules.get(name), AutoActivation)


def recipe(model: nn.Module) -> dict[str, Any] | None:
    """Return the conversion of a model in plain types, or None if it was not converted.

    Args:
        model: Any module.

    Returns:
        Nothing but dictionaries, lists, texts and numbers.

    Example:
        >>> from autoact.conversion import convert
        >>> model = convert(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
        >>> recipe(model)["layers"]["1"]["layer"]["start"]
        'relu'
    """
    found = entries(model)
    return {"version": VERSION, "layers": found} if found else None


def record(model: nn.Module, changed: Mapping[str, Entry], *, carried: bool | None = None) -> None:
    """Note on the model what was put where, and let its state_dict name it.

    Args:
        model: The model.
        changed: What was put where now.
        carried: Whether the state_dict names fixed activations other than the original ones; None: those that
            it named, and what is changed as its entries say.
    """
    kept = {
        path: entry
        for path, entry in entries(model).items()
        if path not in changed and (not entry.get("carried") or is_in_place(model, entry))
    }
    for module in model.modules():
        vars(module).pop(_ATTRIBUTE, None)
    # past __setattr__, which torch.compile's wrapper forwards to the module inside
    found = vars(model)[_ATTRIBUTE] = {**kept, **changed}
    for entry in found.values() if carried is not None else ():
        entry["carried"] = carried and entry["kind"] == "fixed" and entry["choice"] != entry["original"]
    carry(model, {path: entry for path, entry in found.items() if entry.get("carried")})


def replay(model: M, recipe: Mapping[str, Any] | None) -> M:
    """Give a fresh model the structure that a recipe describes, in place; values come from its state_dict.

    Args:
        model: Of the architecture that was converted.
        recipe: What `recipe` returned, or None for no conversion.

    Returns:
        The model.

    Raises:
        ConversionError: The model has no such path, or the recipe is of another version.

    Example:
        >>> from autoact.conversion import convert
        >>> make = lambda: nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        >>> replay(make(), recipe(convert(make(), ["relu", "tanh"])))[1]
        AutoActivation(['relu', 'tanh'], start='relu')
    """
    if recipe is None:
        return model
    if recipe.get("version") != VERSION:
        raise ConversionError(
            f"This autoact replays recipes of version {VERSION}; got {recipe.get('version')!r}."
        )
    groups: dict[str, nn.Module] = {}
    with all_or_nothing(model):
        for path, entry in recipe["layers"].items():
            group = entry.get("group")
            module = groups.get(group) or _build(entry)
            if group:
                groups[group] = module
            place(model, path, entry, module)
        let_follow(model, recipe["layers"])
        record(model, recipe["layers"])
    return model


def let_follow(model: nn.Module, layers: Mapping[str, Entry]) -> None:
    """Let the layers of copies follow those of their sources, as entries say; all are in the model."""
    for path, entry in layers.items():
        if entry.get("follows"):
            layer, leader = model.get_submodule(path), model.get_submodule(entry["follows"])
            if isinstance(layer, AutoActivation) and isinstance(leader, AutoActivation):
                layer.follow(leader)


def restore(model: nn.Module, state: Mapping[str, Any]) -> tuple[str, ...]:
    """Give a model the activations that a state_dict names, in place, before its weights are loaded.

    Args:
        model: A model as it was, or one that has these activations already.
        state: A state_dict of a model that `apply` changed, or any other.

    Returns:
        Paths of the activations that were put in.

    Raises:
        ConversionError: The model has other activations by choice, or is not of this architecture.

    Example:
        >>> from autoact.conversion import apply
        >>> make = lambda: nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        >>> model = make()
        >>> restore(model, apply(make(), {"1": "tanh"}).state_dict()), model[1]
        (('1',), Tanh())
    """
    done: list[str] = []
    parts = _named_in(state)
    for part in sorted(parts, key=lambda part: join(part, "").count(".")):  # the whole speaks for its parts
        try:
            module = model.get_submodule(part)
        except AttributeError as error:
            raise ConversionError(
                f"The model has no part {part!r}, whose activations the weights name."
            ) from error
        done += [join(part, path) for path in _restore(module, parts[part])]
    return tuple(done)


def _named_in(state: Mapping[str, Any]) -> dict[str, dict[str, Entry]]:
    """Return the activations that a state_dict names, by the part that they are in."""
    found = {
        name.rpartition(".")[0]: decoded(saved)
        for name, saved in state.items()
        if name.rpartition(".")[2] == KEY
    }
    parts = {part: layers for part, layers in found.items() if "" not in layers}
    for path, layers in found.items():
        if "" in layers:  # saved without the parent that it had
            part, _, name = path.rpartition(".")
            parts.setdefault(part, {})[name] = {**layers[""], "paths": [name]}
    return parts


def _restore(model: nn.Module, layers: Mapping[str, Entry]) -> list[str]:
    if own := named(model):
        if wrong := differs(own, layers):
            raise ConversionError(f"{wrong}. Load them into a fresh {type(model).__name__}.")
        return []
    recorded = _by_path(model)
    wanted = {path: entry for path, entry in layers.items() if not _is_start(recorded.get(path), entry, path)}
    changed = {}
    found = discover(model) if wanted else Found()
    known = {*recorded, *found.whole, *(each for place in found.places.values() for each in place.paths)}
    if unknown := [path for path in wanted if path not in known]:
        raise ConversionError(
            f"The model has no activation at {unknown[0]!r}; it is not the architecture of these weights."
        )
    around = in_place_at(model, list(wanted))
    with all_or_nothing(model):
        for path, entry in wanted.items():
            changed[path] = {"kind": "fixed", "original": None, "carried": True, **entry, **around[path]}
            place(model, path, changed[path], _build(changed[path]))
        if changed:
            record(model, changed)
    return list(changed)


def _by_path(model: nn.Module) -> dict[str, Entry]:
    """Return the entries of a model, each under all of its paths."""
    return {path: entry for entry in entries(model).values() for path in entry["paths"]}


def in_place_at(model: nn.Module, paths: Sequence[str]) -> dict[str, Entry]:
    """Return what entries say about changes in place, by first path; nothing for most.

    Args:
        model: With the activations that it had, or has by entries.
        paths: First path of each activation.
    """
    if not paths:
        return {}
    known = _by_path(model)
    found, beside = discover(model), neighbors(model)
    places = {**found.whole, **found.places}
    changes = {
        path: known[path].get("in_place") if path in known else _beside(beside, places.get(path))
        for path in paths
    }
    return {path: {"in_place": change} if change else {} for path, change in changes.items()}


def _beside(beside: Neighbors, place: Place | None) -> InPlace | None:
    if place is None or place.choice is None:
        return None
    kept: InPlace | None = getattr(place.present, "in_place", None)  # of a finalized model
    return kept or beside.around(place.names, place.choice)


def _is_start(present: Entry | None, entry: Entry, path: str) -> bool:
    """Return whether a searched layer took the place of just this activation."""
    if present is None or present["kind"] != "mixture":
        return False
    if wrong := differs({path: {"choice": present["original"]}}, {path: entry}):
        raise ConversionError(
            f"The model is converted: {wrong}. Give it the activations of the weights first, then convert it."
        )
    return True


def place(model: nn.Module, path: str, entry: Entry, module: nn.Module) -> None:
    """Put a module at every path of an entry."""
    for every in entry["paths"]:
        parent, _, name = every.rpartition(".")
        try:
            home = model.get_submodule(parent)
            known = hasattr(home, name) or can_open(home, name)
        except AttributeError:
            known = False
        if not known:
            raise ConversionError(
                f"The model has no activation at {every!r}; it is not the architecture that was converted."
            )
    if entry.get("choice", {}).get("activation") == PLAIN:
        make_block_plain(model, entry["paths"][0])
    fit(module, model, path)
    if isinstance(module, AutoActivation) and entry.get("in_place") in ("itself", "input"):
        module.in_place = "itself" if module.in_place == "itself" else entry["in_place"]
    for every in entry["paths"]:
        move_hooks(model, every, module)
        put(model, every, module)
    settle(model, entry["paths"])


def _build(entry: Entry) -> nn.Module:
    if entry["kind"] == "mixture":
        return AutoActivation(**_arguments(entry["layer"]))
    return fixed_module(entry)


def fixed_module(entry: Entry) -> nn.Module:
    """Return the plain module of an entry."""
    choice = Choice.from_dict(entry["choice"])
    return module_for(choice, channel_dim=entry["channel_dim"], in_place=entry.get("in_place"))


def _arguments(layer: Mapping[str, Any]) -> dict[str, Any]:
    settings = {
        name: {key: tuple(v) if isinstance(v, list) else v for key, v in given.items()}
        for name, given in layer["settings"].items()
    }
    return {**layer, "settings": settings}


def _moved(entry: Entry, prefix: str) -> Entry:
    """Return an entry recorded on a part of a model, with its paths seen from the whole."""
    group = entry.get("group")
    follows = {"follows": join(prefix, entry["follows"])} if entry.get("follows") else {}
    return {
        **entry,
        "paths": [join(prefix, path) for path in entry["paths"]],
        "group": join(prefix, group) if group else None,
        **follows,
    }
