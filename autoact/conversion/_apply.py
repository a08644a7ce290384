"""Assignments of models: taken from a model, put into a model, made plain."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import nn

from autoact.activations import PLAIN
from autoact.conversion._conversion_plan import SpaceLike, find_layers
from autoact.conversion._placement import unwrapped
from autoact.conversion._places import Place, check_model, discover
from autoact.conversion._plain import make_plain
from autoact.conversion._recipe import Entry, M, entries, fixed_module, in_place_at, place, record
from autoact.conversion._rollback import all_or_nothing
from autoact.conversion.grid import LIBRARIES
from autoact.conversion.probing import warn_of_idle
from autoact.conversion.surroundings import copies, source_of
from autoact.errors import AutoActError, ConversionError, did_you_mean
from autoact.nn import AutoActivation, InPlace, warn_of
from autoact.spaces import Assignment, Choice


def auto_layers(model: nn.Module) -> dict[str, AutoActivation]:
    """Return the `AutoActivation` layers of a model by path, each once; none that follows another of them.

    Args:
        model: Any module.

    Returns:
        Layers by path, in the order of the model; empty if it was not converted.

    Raises:
        ConversionError: This is no model; says what it is.

    Example:
        >>> from autoact.conversion import convert
        >>> list(auto_layers(convert(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))))
        ['1']
    """
    check_model(model)
    found = {path: module for path, module in model.named_modules() if isinstance(module, AutoActivation)}
    known = set(map(id, found.values()))
    return {
        path: layer for path, layer in found.items() if layer.leader is layer or id(layer.leader) not in known
    }


def follow_sources(model: nn.Module) -> None:
    """Let the layers of copies that never train follow those of their sources, if they do not yet.

    Args:
        model: A converted model, of which parts were copied after the conversion.

    Example:
        >>> import copy
        >>> from autoact.conversion import convert
        >>> net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
        >>> model = convert(nn.ModuleDict({"net": net}))
        >>> model["target_net"] = copy.deepcopy(model["net"])
        >>> follow_sources(model)
        >>> list(auto_layers(model))
        ['net.1']
    """
    sources, layers = copies(model), auto_layers(model)
    for path, layer in layers.items():
        leader = layers.get(source_of(path, sources) or "")
        if leader is not None and leader.candidates == layer.candidates:
            layer.follow(leader)


def derive(model: nn.Module) -> Assignment:
    """Return the one activation nearest to what each layer learned, by projection on the inputs it saw.

    It says what this model learned, to finalize it or to look at. What to train a fresh model with says
    `ActivationSearch.assignment`: it keeps what a layer had where the learned function is hardly another.

    Layers that share a choice are all named. A warning names layers whose choice means little: they were
    never called while others were, their logits never moved, they are still their start, they saw no inputs,
    or no candidate is near to what they learned.

    Args:
        model: A converted model.

    Returns:
        A choice for every layer path, in the order of the model.

    Raises:
        ConversionError: The model has no `AutoActivation`, or is on the meta device.

    Example:
        >>> from autoact.conversion import convert
        >>> print(derive(convert(nn.Sequential(nn.Linear(2, 2), nn.ELU(0.5)))))
        1=elu(alpha=0.5)
    """
    layers = auto_layers(model)
    if not layers:
        raise ConversionError(f"{type(model).__name__} has no AutoActivation; call convert(model) first.")
    if empty := [path for path, layer in layers.items() if layer.logits.is_meta]:
        raise ConversionError(
            f"{empty[0]} is on the meta device, where it has learned nothing. Call to_empty(device=...) and "
            "load the state of the converted model first."
        )
    warn_of_idle(layers)
    names = {id(layer): path for path, layer in layers.items()}
    choices = {path: layer.choice() for path, layer in layers.items()}
    warn_of(layers)
    leaders = {path: path for path in layers}
    for path, entry in entries(model).items():
        module = model.get_submodule(entry["paths"][0]) if entry["kind"] == "mixture" else None
        if isinstance(module, AutoActivation):
            leaders[path] = names.get(id(module.leader)) or names[id(module)]
    order = {path: index for index, (path, _) in enumerate(model.named_modules(remove_duplicate=False))}
    ordered = sorted(leaders, key=lambda path: order[path])
    return Assignment({path: choices[leaders[path]] for path in ordered}, name="derived")


def apply(model: M, assignment: Assignment | Mapping[str, Any]) -> M:
    """Put plain modules for an assignment into a model, in place: all of them, or none if one is wrong.

    Layers that the assignment does not name stay as they are; so does a layer that is right already. Forward
    and backward hooks of a module that is replaced go on with the new one. `plain`, for what the gate of a
    block multiplies, gives the block fresh layers with as many parameters: train it, or load weights of it.

    Args:
        model: A model as it was, or a converted one.
        assignment: Choices by layer path: an `Assignment`, or a mapping to names, `Choice`s, or whatever else
            an `Assignment` is made of, or to what `Choice.to_dict` returned.

    Returns:
        The model. If anything is raised, the model is as it was before.

    Raises:
        ConversionError: This is no model, it has no activation at a path (lists those it has), a block cannot
            be made plain or no longer gated, or several entries are wrong (names each).
        UnknownActivationError: One entry names no activation.
        ConfigurationError: One entry has no such parameter, or a value out of its bounds.

    Example:
        >>> model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2), nn.ReLU())
        >>> apply(model, {"1": "gelu", "3": Choice("elu", {"alpha": 0.5})})
        Sequential(
          (0): Linear(in_features=2, out_features=2, bias=True)
          (1): GELU(approximate='none')
          (2): Linear(in_features=2, out_features=2, bias=True)
          (3): ELU(alpha=0.5)
        )
    """
    return _put(model, assignment, carried=True)


def _put(model: M, assignment: Assignment | Mapping[str, Any], *, carried: bool) -> M:
    """Put an assignment into a model, whose state_dict names it or not."""
    places = _assignable(model)
    choices = _checked(model, places, assignment)
    for path, source in _followers(model, places).items():
        if source in choices:
            choices.setdefault(path, choices[source])
    wanted = [(places[path], choice) for path, choice in choices.items() if places[path].choice != choice]
    beside = in_place_at(model, [target.paths[0] for target, _ in wanted])
    with all_or_nothing(model):
        changed = {
            target.paths[0]: _fix(model, target, choice, beside[target.paths[0]]) for target, choice in wanted
        }
        record(model, changed, carried=carried)
    return model


def _followers(model: nn.Module, places: Mapping[str, Place]) -> dict[str, str]:
    """Return the path in its source for every activation in a copy that never trains."""
    sources, known = copies(model), entries(model)
    found = {path: known.get(path, {}).get("follows") or source_of(path, sources) for path in places}
    return {path: source for path, source in found.items() if source is not None and source in places}


def _checked(
    model: nn.Module, places: Mapping[str, Place], assignment: Assignment | Mapping[str, Any]
) -> dict[str, Choice]:
    """Return every choice by path, or complain about all entries that are wrong."""
    if not isinstance(assignment, Mapping | Assignment):
        Assignment(assignment)  # says what an assignment is
    choices: dict[str, Choice] = {}
    named = {unwrapped(path): path for path in places}
    errors: list[AutoActError] = []
    for path, given in assignment.items():
        path = path if path in places else named.get(unwrapped(path), path)
        try:
            _check_path(model, places, path)
            choices[path] = Assignment({path: _choice(given)})[path]
            _check_form(path, places[path], choices[path])
        except AutoActError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        listed = " ".join(f"({number}) {error}" for number, error in enumerate(errors, 1))
        raise ConversionError(f"{len(errors)} entries are wrong, so nothing was changed. {listed}")
    return choices


def _check_form(path: str, place: Place, choice: Choice) -> None:
    """Refuse another form for a block that is plain: nothing has the weights that it would need."""
    now = place.choice
    if now is not None and now.activation == PLAIN != choice.activation:
        raise ConversionError(
            f"The block at {path} is plain already, and has no weights for {choice}. Apply to a fresh model."
        )


def _choice(given: Any) -> Any:
    """Return a choice for what `Choice.to_dict` returned, which files hold."""
    return Choice.from_dict(given) if isinstance(given, Mapping) and "activation" in given else given


def occupy(
    model: M, paths: Iterable[str], make: Callable[[str, Choice, int, InPlace | None], nn.Module]
) -> M:
    """Put modules of any kind where a model has activations, in place; the state_dict does not name them.

    Args:
        model: A model as it was.
        paths: Layer paths.
        make: Takes a path, the activation there, the dimension that its channels run along, and what changes
            in place there; returns the module.

    Returns:
        The model. If anything is raised, the model is as it was before.

    Raises:
        ConversionError: There is no activation at a path, or not one of its own: it stands for several calls,
            is searched, or a copy that never trains follows it.

    Example:
        >>> occupy(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), ["1"], lambda *there: nn.Identity())[1]
        Identity()
    """
    places, paths = _assignable(model), list(paths)
    several = {*discover(model).whole, *_followers(model, places).values()}
    for path in paths:
        _check_path(model, places, path)
        if path in several or places[path].choice is None:
            raise ConversionError(f"The activation at {path!r} is not one of its own.")
    beside = in_place_at(model, [places[path].paths[0] for path in paths])
    with all_or_nothing(model):
        for path in paths:
            target, present, choice = places[path], places[path].present, places[path].choice
            assert choice is not None
            entry = {"paths": list(target.paths), **beside[target.paths[0]]}
            channel_dim = present.channel_dim if hasattr(present, "channel_dim") else 1
            module = make(path, choice, channel_dim, entry.get("in_place"))
            place(model, target.paths[0], entry, module)
    return model


def finalize(model: M) -> M:
    """Make a converted model plain, in place: torch's own modules under the names of the original.

    - Where every choice of a module is what it had, its class and its activations are the original ones.
    - Where all calls `self.act(...)` chose one activation, it stands at `act`, and the class is the original.
    - Other calls go to modules of their own (`act_2`, `relu_1`), in a subclass of the same name whose methods
      are saved with the model: `torch.load` needs the user's class and torch, not autoact.

    An activation that torch lacks is a `FixedActivation`, which needs autoact. Nothing else stays: no recipe,
    no entry of the state_dict, no hook but the user's. The weights fit a fresh model of the class, which has
    its own activations; to have the choice saved with them, use `apply(fresh_model, derive(model))` instead.

    Args:
        model: A converted model, or one that `apply` changed. Others stay as they are.

    Returns:
        The model. If anything is raised, the model is as it was before.

    Raises:
        ConversionError: This is no model; says what it is.

    Example:
        >>> from autoact.conversion import convert
        >>> finalize(convert(nn.Sequential(nn.Linear(2, 2), nn.ReLU())))[1]
        ReLU()
    """
    choices: Mapping[str, Any] | Assignment = derive(model) if auto_layers(model) else {}
    with all_or_nothing(model):
        _put(model, choices, carried=False)
        make_plain(model)
    return model


def original_assignment(model: nn.Module, space: SpaceLike = "default") -> Assignment:
    """Return the activations that a model has now in the layers that a space would convert.

    Args:
        model: Any module.
        space: A space, its name, its path, plain data, or a list of candidates.

    Returns:
        A choice for every layer path, with the settings of each.

    Raises:
        ConversionError: No model, or nothing to convert.
        ConfigurationError: A rule of the space matches no layer.

    Example:
        >>> print(original_assignment(nn.Sequential(nn.Linear(2, 2), nn.ELU(0.5))))
        1=elu(alpha=0.5)
    """
    return Assignment(find_layers(model, space).layers, name="original")


def _assignable(model: nn.Module) -> dict[str, Place]:
    """Return every activation by every path that leads to it; layers of a group one by one."""
    check_model(model)
    discovered = discover(model)
    found = {**discovered.whole}
    found.update({path: spot for spot in discovered.places.values() for path in spot.paths})
    for entry in entries(model).values():
        if entry["kind"] == "mixture":
            spot = found.get(entry["paths"][0])
            if spot is not None and isinstance(spot.present, AutoActivation):
                own = Place(present=spot.present, choice=None, paths=tuple(entry["paths"]))
                found.update(dict.fromkeys(own.paths, own))
    return found


def _check_path(model: nn.Module, places: Mapping[str, Place], path: str) -> None:
    if path not in places:
        whole = discover(model).whole  # modules whose calls are layers of their own
        layers = [each for each in places if each not in whole]
        raise ConversionError(
            f"The model has no activation at {path!r}; "
            f"there are: {', '.join(layers) or 'none'}.{did_you_mean(path, layers)}{_made_later(model)}"
        )


def _made_later(model: nn.Module) -> str:
    """Return what to do where a LightningModule of the user's makes layers when its training begins."""
    hooks = [getattr(type(model), name, None) for name in ("setup", "configure_model")]
    own = [h.__name__ for h in hooks if h and h.__module__.partition(".")[0] not in LIBRARIES]
    if not own:
        return ""
    return f" If {' or '.join(own)} makes it, call autoact.apply(self, ...) at the end of {own[-1]}."


def _fix(model: nn.Module, target: Place, choice: Choice, beside: Entry) -> Entry:
    """Put a choice at a place and return what to record; `beside` is what changes in place there."""
    present = target.present
    channel_dim = present.channel_dim if hasattr(present, "channel_dim") else 1
    known = [each["original"] for each in entries(model).values() if set(each["paths"]) & set(target.paths)]
    entry: Entry = {
        "kind": "fixed",
        "paths": list(target.paths),
        "original": known[0] if known else target.choice and target.choice.to_dict(),
        "choice": choice.to_dict(),
        "channel_dim": channel_dim,
        **beside,
    }
    place(model, target.paths[0], entry, fixed_module(entry))
    return entry
