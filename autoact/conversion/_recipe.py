"""Recipe of a conversion: plain types from which a fresh model gets the same structure."""

from collections.abc import Mapping
from typing import Any, TypeVar

from torch import nn

from autoact.conversion._placement import fit, move_hooks, put
from autoact.conversion._rollback import all_or_nothing
from autoact.conversion._transformer import settle
from autoact.conversion.source import can_open
from autoact.errors import ConversionError
from autoact.nn import AutoActivation, module_for
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
            found[_join(prefix, path)] = _moved(entry, prefix)
    return found


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


def record(model: nn.Module, changed: Mapping[str, Entry]) -> None:
    """Note on the model what was put where."""
    kept = {path: entry for path, entry in entries(model).items() if path not in changed}
    for module in model.modules():
        vars(module).pop(_ATTRIBUTE, None)
    # past __setattr__, which torch.compile's wrapper forwards to the module inside
    vars(model)[_ATTRIBUTE] = {**kept, **changed}


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
        record(model, recipe["layers"])
    return model


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
    fit(module, model, path)
    for every in entry["paths"]:
        move_hooks(model, every, module)
        put(model, every, module)
    settle(model, entry["paths"])


def _build(entry: Entry) -> nn.Module:
    if entry["kind"] == "mixture":
        return AutoActivation(**_arguments(entry["layer"]))
    return module_for(Choice.from_dict(entry["choice"]), channel_dim=entry["channel_dim"])


def _arguments(layer: Mapping[str, Any]) -> dict[str, Any]:
    settings = {
        name: {key: tuple(v) if isinstance(v, list) else v for key, v in given.items()}
        for name, given in layer["settings"].items()
    }
    return {**layer, "settings": settings}


def _join(prefix: str, path: str) -> str:
    return f"{prefix}.{path}" if prefix else path


def _moved(entry: Entry, prefix: str) -> Entry:
    """Return an entry recorded on a part of a model, with its paths seen from the whole."""
    group = entry.get("group")
    return {
        **entry,
        "paths": [_join(prefix, path) for path in entry["paths"]],
        "group": _join(prefix, group) if group else None,
    }
