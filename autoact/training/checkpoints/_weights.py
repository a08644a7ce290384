"""Weights across a conversion: from a model as it was into its converted form, and back."""

import copy
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from autoact import conversion
from autoact.errors import ConversionError, first_few, in_one_line
from autoact.kernels import parameter_slots
from autoact.nn import AutoActivation
from autoact.nn._ranges import constrained
from autoact.nn._saved import KEY, decoded, encoded, mismatch
from autoact.training.checkpoints._conversions import RECIPE

Shapes = Mapping[str, tuple[int, ...]]
_WRAPPERS = ("_orig_mod.", "module.")  # of torch.compile and DistributedDataParallel
_OWN = ("logits", "raw", "anchor", "release", "initial")  # by which the state of a searched layer is known
_OPEN = ("_extra_state", "_metadata")  # values of any type; the latter is that of neural operators
_SHOWN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedWeights:
    """What `load_weights` did with every tensor.

    Attributes:
        loaded: Names of the model's tensors that got values.
        new: Shapes of those that the source has no values for, which stay as they were: logits, raw
            parameters, buffers and names of candidates of searched layers.
        dropped: Shapes of the source's tensors that the model has no place for: the same, of the other side.
        activations: Paths of the activations that the source names and the model got.

    Example:
        >>> print(LoadedWeights(loaded=("0.weight", "0.bias")))
        loaded 2 tensors
    """

    loaded: tuple[str, ...]
    new: Shapes = field(default_factory=dict)
    dropped: Shapes = field(default_factory=dict)
    activations: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return one line on what was loaded, and one each on what is new and what was dropped."""
        lines = [f"loaded {len(self.loaded)} tensors"]
        lines += [f"activations of the weights put in: {', '.join(self.activations)}"] * bool(
            self.activations
        )
        lines += [f"{word}: {_shown(part)}" for word, part in self._rest() if part]
        return "\n".join(lines)

    def _rest(self) -> tuple[tuple[str, Shapes], ...]:
        return (("new, as they were in the model", self.new), ("dropped, the model has none", self.dropped))


def load_weights(model: nn.Module, source: nn.Module | Mapping[str, Any] | str | Path) -> LoadedWeights:
    """Load weights of a model as it was into its converted form, or of a converted model into its plain form.

    Weights that name chosen activations (those of a model that `autoact.apply` changed) bring them along.
    Only what a conversion adds may differ, and the order of candidates, which is put right; anything else
    missing or left over is an error, and then nothing is loaded. A converted model with `start="same"`
    computes what the original did, the learned slopes of an `nn.PReLU` included.

    Args:
        model: The model that gets the weights, in place.
        source: A model, a state_dict, a Lightning checkpoint, or the path of a file with one of the latter
            two; a file is read with `weights_only=True`.

    Returns:
        What was loaded, what is new and what was dropped; print it.

    Raises:
        ConversionError: The weights are not of this architecture, or name other activations than those that
            were chosen for the model.

    Example:
        >>> import autoact
        >>> def net() -> nn.Sequential:
        ...     return nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
        >>> model, original = autoact.convert(net(), ["relu", "elu"]), net()
        >>> found = load_weights(model, original.state_dict())
        >>> found.new["1.logits"], found.new["1.raw"], found.loaded
        ((2,), (1,), ('0.weight', '0.bias', '2.weight', '2.bias'))
        >>> load_weights(net(), model).dropped["1.logits"]
        (2,)
    """
    state, recipe, versions = _read(source)
    with conversion.all_or_nothing(model):
        activations = conversion.restore(model, state)
        return replace(_load(model, state, recipe, versions), activations=activations)


def _load(
    model: nn.Module, state: dict[str, Any], recipe: Mapping[str, Any] | None, versions: Any
) -> LoadedWeights:
    state, present = _without_names(state), _without_names(model.state_dict())
    searched, saved = _searched(present), _searched(state)
    state = _named(state, present, searched & saved, recipe)
    _check_candidates(state, present, searched & saved)
    state = _translated(state, present, searched - saved, model)
    state = _learned(state, present, saved - searched, recipe)
    missing = {name: _shape(t) for name, t in present.items() if name not in state}
    unexpected = {name: _shape(t) for name, t in state.items() if name not in present}
    chosen = _chosen(model)
    new = {name: shape for name, shape in missing.items() if _home(name) in (searched ^ saved) | chosen}
    dropped = {
        name: shape for name, shape in unexpected.items() if _home(name) in (saved - searched) | chosen
    }
    rest = _without(missing, new), _without(unexpected, dropped)
    _check_shapes(model, state, present)
    wanted = {name: value for name, value in state.items() if name in present or name in rest[1]}
    loaded = _put(model, wanted, versions, rest, present)
    return LoadedWeights(loaded=loaded, new=new, dropped=dropped)


def _put(
    model: nn.Module,
    state: Mapping[str, Any],
    versions: Any,
    rest: tuple[Shapes, Shapes],
    present: Mapping[str, Any],
) -> tuple[str, ...]:
    """Load a state; names that differ are for the model's own hooks to put right, or nothing is loaded.

    Args:
        model: The model.
        state: All that it is to get.
        versions: Of the modules that wrote the state, as torch notes them.
        rest: What is missing, and what is left over.
        present: The model's own state.
    """
    if not any(rest):
        model.load_state_dict(_with(state, versions), strict=False)
        return tuple(name for name in present if name in state)
    before = copy.deepcopy({name: present[name] for name in present})
    raised: Exception | None = None
    found: Any = None
    try:
        found = model.load_state_dict(_with(state, versions), strict=False)
    except RuntimeError as error:
        raised = error
    missing, unexpected = found or (rest[0], rest[1])  # a model's own load_state_dict may return nothing
    left = [
        {name: shape for name, shape in shapes.items() if name in names}
        for shapes, names in zip(rest, (missing, unexpected), strict=True)
    ]
    if raised or any(left):
        model.load_state_dict(before, strict=False)
        raise _misfit(model, missing=left[0], left_over=left[1]) from raised
    return tuple(name for name in present if name in state or name in rest[0])


def _with(state: Mapping[str, Any], versions: Any) -> dict[str, Any]:
    """Return a state_dict that says of which versions of its modules it is, as torch's own does."""
    made: Any = OrderedDict(state)
    if versions is not None:
        made._metadata = versions
    return made


def _without_names(state: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name.rpartition(".")[2] != conversion.KEY}


def _chosen(model: nn.Module) -> set[str]:
    """Return the paths of activations that `apply` put in: their own tensors are no original's."""
    layers = (conversion.recipe(model) or {"layers": {}})["layers"].values()
    return {path for entry in layers if entry["kind"] == "fixed" for path in entry["paths"]}


def _read(source: Any) -> tuple[dict[str, Any], Mapping[str, Any] | None, Any]:
    """Return the state_dict of a source, the conversion of its model, and torch's versions, where known."""
    if isinstance(source, nn.Module):
        own = source.state_dict()
        return dict(own), conversion.recipe(source), getattr(own, "_metadata", None)
    if isinstance(source, str | Path):
        try:
            source = torch.load(source, map_location="cpu", weights_only=True)
        except OSError as error:
            raise ConversionError(f"The weights cannot be read: {error}") from error
        except (EOFError, RuntimeError, UnpicklingError) as error:  # damaged, or with objects
            why = in_one_line(error)
            raise ConversionError(
                f"{source} holds no weights that torch reads without running code ({why}). If it is whole "
                "and you trust it, give what torch.load(path, weights_only=False) returns."
            ) from error
    recipe = source.get(RECIPE) if isinstance(source, Mapping) else None
    state = source.get("state_dict", source) if isinstance(source, Mapping) else None
    if not isinstance(state, Mapping) or not all(_is_of_state(*each) for each in state.items()):
        raise ConversionError(
            f"Weights come as a model, a state_dict or a Lightning checkpoint; got {type(source).__name__}."
        )
    versions = getattr(state, "_metadata", None)
    for prefix in _WRAPPERS:
        if state and all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): value for name, value in state.items()}
            versions = versions and {path.removeprefix(prefix): noted for path, noted in versions.items()}
    return dict(state), recipe, versions


def _is_of_state(name: Any, value: Any) -> bool:
    """Return whether a value may stand in a state_dict: tensors, and whatever get_extra_state returned."""
    return isinstance(value, Tensor) or (isinstance(name, str) and name.rpartition(".")[2] in _OPEN)


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(value.shape) if isinstance(value, Tensor) and not is_lazy(value) else ()


def _searched(state: Mapping[str, Any]) -> set[str]:
    """Return the paths of searched layers, as their tensors show them."""
    paths = {_home(name) for name in state if name.endswith("logits")}
    return {path for path in paths if all(_join(path, own) in state for own in _OWN)}


def _named(
    state: dict[str, Any],
    present: Mapping[str, Any],
    paths: set[str],
    recipe: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Name the candidates of a state that was saved without: by its conversion, else those of the model."""
    named = {_join(path, KEY): present[_join(path, KEY)] for path in paths}
    for entry in (recipe or {"layers": {}})["layers"].values():
        if entry["kind"] == "mixture":
            keys = {_join(path, KEY) for path in entry["paths"]} & named.keys()
            named |= dict.fromkeys(keys, encoded(tuple(entry["layer"]["candidates"])))
    return named | state


def _check_candidates(state: Mapping[str, Any], present: Mapping[str, Any], paths: set[str]) -> None:
    for path in sorted(paths):
        ours, theirs = (decoded(tensors[_join(path, KEY)]) for tensors in (present, state))
        if ours and theirs and (wrong := mismatch(path, ours, theirs)):
            raise ConversionError(wrong)


def _translated(
    state: dict[str, Any], present: Mapping[str, Any], paths: set[str], model: nn.Module
) -> dict[str, Any]:
    """Make the weights of an original nn.PReLU the initial slopes of the layer that replaced it."""
    changed = dict(state)
    for path in paths:
        layer, name = model.get_submodule(path), _join(path, "weight")
        if isinstance(layer, AutoActivation) and name in state and "prelu" in layer.candidates:
            slot = [owner for owner, _ in parameter_slots(layer.candidates)].index("prelu")
            initial, raw = present[_join(path, "initial")].clone(), present[_join(path, "raw")].clone()
            slopes = changed.pop(name).to(initial)
            if slopes.numel() != 1 and slopes.shape != initial.shape[:-1]:
                raise ConversionError(
                    f"{name} holds {slopes.numel()} slopes; the model has {initial[..., slot].numel()}."
                )
            initial[..., slot], raw[..., slot] = slopes.squeeze() if slopes.numel() == 1 else slopes, 0.0
            changed |= {_join(path, "initial"): initial, _join(path, "raw"): raw}
    return changed


def _learned(
    state: dict[str, Any],
    present: Mapping[str, Any],
    paths: set[str],
    recipe: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Give an nn.PReLU the slopes that its searched form learned, where the candidates are known."""
    changed = dict(state)
    entries = {
        path: entry for entry in (recipe or {"layers": {}})["layers"].values() for path in entry["paths"]
    }
    for path in paths:
        entry = entries.get(path)
        target = present.get(_join(path, "weight"))
        if entry is None or target is None or "prelu" not in entry["layer"]["candidates"]:
            continue
        slots = parameter_slots(tuple(entry["layer"]["candidates"]))
        initial = state[_join(path, "initial")]
        values = constrained(state[_join(path, "raw")].to(initial), initial, tuple(p for _, p in slots))
        slopes = values[..., [owner for owner, _ in slots].index("prelu")].reshape(-1)
        if slopes.numel() in (1, target.numel()):
            changed[_join(path, "weight")] = slopes.to(target).expand(target.shape).clone()
    return changed


def _check_shapes(model: nn.Module, state: Mapping[str, Any], present: Mapping[str, Any]) -> None:
    """Refuse tensors of other shapes, except for what modules save beside their tensors."""
    other = {
        f"{name} {_shape(state[name])} for": _shape(value)
        for name, value in present.items()
        if name in state and _shape(state[name]) != _shape(value)
        if name.rpartition(".")[2] not in _OPEN and not is_lazy(value)
    }
    if other:
        raise _misfit(model, of_another_shape=other)


def _misfit(model: nn.Module, **parts: Shapes) -> ConversionError:
    wrong = "; ".join(f"{word.replace('_', ' ')}: {_shown(part)}" for word, part in parts.items() if part)
    return ConversionError(
        f"The weights are not those of {type(model).__name__}, and nothing was loaded. {wrong}."
    )


def _without(shapes: Shapes, known: Shapes) -> Shapes:
    return {name: shape for name, shape in shapes.items() if name not in known}


def _shown(shapes: Shapes) -> str:
    return first_few([f"{name} {shape}" for name, shape in shapes.items()], _SHOWN)


def _home(name: str) -> str:
    return name.rpartition(".")[0]


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
