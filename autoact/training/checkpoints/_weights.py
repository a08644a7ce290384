"""Weights across a conversion: from a model as it was into its converted form, and back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from autoact import conversion
from autoact.errors import ConversionError
from autoact.kernels import parameter_slots
from autoact.nn import AutoActivation
from autoact.nn._ranges import constrained
from autoact.nn._saved import KEY, decoded, encoded, mismatch
from autoact.training.checkpoints._conversions import RECIPE

Shapes = Mapping[str, tuple[int, ...]]
_WRAPPERS = ("_orig_mod.", "module.")  # of torch.compile and DistributedDataParallel
_OWN = ("logits", "raw", "anchor", "release", "initial")  # by which the state of a searched layer is known
_SHOWN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedWeights:
    """What `load_weights` did with every tensor.

    Attributes:
        loaded: Names of the model's tensors that got values.
        new: Shapes of those that the source has no values for, which stay as they were: logits, raw
            parameters, buffers and names of candidates of searched layers.
        dropped: Shapes of the source's tensors that the model has no place for: the same, of the other side.

    Example:
        >>> print(LoadedWeights(loaded=("0.weight", "0.bias")))
        loaded 2 tensors
    """

    loaded: tuple[str, ...]
    new: Shapes = field(default_factory=dict)
    dropped: Shapes = field(default_factory=dict)

    def __str__(self) -> str:
        """Return one line on what was loaded, and one each on what is new and what was dropped."""
        lines = [f"loaded {len(self.loaded)} tensors"]
        lines += [f"{word}: {_shown(part)}" for word, part in self._rest() if part]
        return "\n".join(lines)

    def _rest(self) -> tuple[tuple[str, Shapes], ...]:
        return (("new, as they were in the model", self.new), ("dropped, the model has none", self.dropped))


def load_weights(model: nn.Module, source: nn.Module | Mapping[str, Any] | str | Path) -> LoadedWeights:
    """Load weights of a model as it was into its converted form, or of a converted model into its plain form.

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
        ConversionError: The weights are not of this architecture.

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
    state, recipe = _read(source)
    present = model.state_dict()
    searched, saved = _searched(present), _searched(state)
    state = _named(state, present, searched & saved, recipe)
    _check_candidates(state, present, searched & saved)
    state = _translated(state, present, searched - saved, model)
    state = _learned(state, present, saved - searched, recipe)
    missing = {name: tuple(t.shape) for name, t in present.items() if name not in state}
    unexpected = {name: tuple(t.shape) for name, t in state.items() if name not in present}
    new = {name: shape for name, shape in missing.items() if _home(name) in searched ^ saved}
    dropped = {name: shape for name, shape in unexpected.items() if _home(name) in saved - searched}
    _check_rest(model, _without(missing, new), _without(unexpected, dropped), state, present)
    model.load_state_dict({name: t for name, t in state.items() if name in present}, strict=False)
    return LoadedWeights(loaded=tuple(n for n in present if n in state), new=new, dropped=dropped)


def _read(source: Any) -> tuple[dict[str, Tensor], Mapping[str, Any] | None]:
    """Return the state_dict of a source, and the conversion of its model where that is known."""
    if isinstance(source, nn.Module):
        return dict(source.state_dict()), conversion.recipe(source)
    if isinstance(source, str | Path):
        try:
            source = torch.load(source, map_location="cpu", weights_only=True)
        except OSError as error:
            raise ConversionError(f"The weights cannot be read: {error}") from error
    recipe = source.get(RECIPE) if isinstance(source, Mapping) else None
    state = source.get("state_dict", source) if isinstance(source, Mapping) else None
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ConversionError(
            f"Weights come as a model, a state_dict or a Lightning checkpoint; got {type(source).__name__}."
        )
    for prefix in _WRAPPERS:
        if state and all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): value for name, value in state.items()}
    return dict(state), recipe


def _searched(state: Mapping[str, Tensor]) -> set[str]:
    """Return the paths of searched layers, as their tensors show them."""
    paths = {_home(name) for name in state if name.endswith("logits")}
    return {path for path in paths if all(_join(path, own) in state for own in _OWN)}


def _named(
    state: dict[str, Tensor],
    present: Mapping[str, Tensor],
    paths: set[str],
    recipe: Mapping[str, Any] | None,
) -> dict[str, Tensor]:
    """Name the candidates of a state that was saved without: by its conversion, else those of the model."""
    named = {_join(path, KEY): present[_join(path, KEY)] for path in paths}
    for entry in (recipe or {"layers": {}})["layers"].values():
        if entry["kind"] == "mixture":
            keys = {_join(path, KEY) for path in entry["paths"]} & named.keys()
            named |= dict.fromkeys(keys, encoded(tuple(entry["layer"]["candidates"])))
    return named | state


def _check_candidates(state: Mapping[str, Tensor], present: Mapping[str, Tensor], paths: set[str]) -> None:
    for path in sorted(paths):
        ours, theirs = (decoded(tensors[_join(path, KEY)]) for tensors in (present, state))
        if ours and theirs and (wrong := mismatch(path, ours, theirs)):
            raise ConversionError(wrong)


def _translated(
    state: dict[str, Tensor], present: Mapping[str, Tensor], paths: set[str], model: nn.Module
) -> dict[str, Tensor]:
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
    state: dict[str, Tensor],
    present: Mapping[str, Tensor],
    paths: set[str],
    recipe: Mapping[str, Any] | None,
) -> dict[str, Tensor]:
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


def _check_rest(
    model: nn.Module,
    missing: Shapes,
    unexpected: Shapes,
    state: Mapping[str, Tensor],
    present: Mapping[str, Tensor],
) -> None:
    other = {
        f"{name} {tuple(state[name].shape)} for": tuple(tensor.shape)
        for name, tensor in present.items()
        if name in state and state[name].shape != tensor.shape
    }
    parts = (("missing", missing), ("left over", unexpected), ("of another shape", other))
    wrong = "; ".join(f"{word}: {_shown(part)}" for word, part in parts if part)
    if wrong:
        raise ConversionError(
            f"The weights are not those of {type(model).__name__}, and nothing was loaded. {wrong}."
        )


def _without(shapes: Shapes, known: Shapes) -> Shapes:
    return {name: shape for name, shape in shapes.items() if name not in known}


def _shown(shapes: Shapes) -> str:
    listed = [f"{name} {shape}" for name, shape in list(shapes.items())[:_SHOWN]]
    rest = len(shapes) - len(listed)
    return ", ".join(listed) + (f" and {rest} more" if rest else "")


def _home(name: str) -> str:
    return name.rpartition(".")[0]


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
