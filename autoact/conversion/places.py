"""Where a model's activations are: modules, and functions held as attributes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType
from typing import Any

import torch
from torch import nn

from autoact.activations import from_function, from_module, is_activation_module
from autoact.errors import ConfigurationError
from autoact.nn import AutoActivation, FixedActivation
from autoact.spaces import Choice

_TORCH_ACTIVATIONS = torch.nn.modules.activation.__name__
_FUNCTIONS = (FunctionType, BuiltinFunctionType, MethodDescriptorType)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One activation of a model.

    Attributes:
        present: What is there now: a module, or a function that a module holds as an attribute.
        choice: The registered activation it is; None for an AutoActivation.
        paths: Every path that leads to it; the first names it.
    """

    present: Any
    choice: Choice | None
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """The activations of a model by first path, and why others cannot be converted."""

    places: Mapping[str, Place] = field(default_factory=dict)
    left_alone: Mapping[str, str] = field(default_factory=dict)


def discover(model: nn.Module) -> Found:
    """Return every activation of a model, in the order of its modules; changes nothing."""
    paths: dict[Any, list[str]] = {}
    presents: dict[Any, Any] = {}
    for path, key, present in _occurrences(model):
        paths.setdefault(key, []).append(path)
        presents[key] = present
    places, left_alone = {}, {}
    for key, present in presents.items():
        first = paths[key][0]
        choice, reason = _identify(present, first)
        if reason:
            left_alone[first] = reason
        elif choice is not None or isinstance(present, AutoActivation):
            places[first] = Place(present=present, choice=choice, paths=tuple(paths[key]))
    return Found(places, left_alone)


def _occurrences(model: nn.Module) -> Iterator[tuple[str, Any, Any]]:
    """Yield path, identity and object of every module and of every function attribute."""
    for path, module in model.named_modules(remove_duplicate=False):
        yield path, id(module), module
        for name, value in vars(module).items():
            if isinstance(value, _FUNCTIONS) and from_function(value):
                yield f"{path}.{name}".removeprefix("."), (id(module), name), value


def _identify(present: Any, path: str) -> tuple[Choice | None, str | None]:
    """Return what an object computes, or why it cannot be converted; neither for what is no activation."""
    if not isinstance(present, nn.Module):
        return Choice(from_function(present) or ""), None
    if isinstance(present, AutoActivation):
        return None, None
    if isinstance(present, FixedActivation):
        return present.settings, None
    if isinstance(present, nn.RNNBase | nn.RNNCellBase):
        return None, f"the activations inside {_kind(present)} are part of torch's own kernel"
    found = from_module(present)
    if found is None:
        return None, _why_not(present)
    if not path:
        return None, "the model is a bare activation; put it into nn.Sequential to have it replaced"
    try:
        return Choice(*found), None
    except ConfigurationError as error:
        return None, f"{_kind(present)} has a setting outside what can be searched: {error}"


def _why_not(module: nn.Module) -> str | None:
    if is_activation_module(module):
        return f"{_kind(module)} is not a registered elementwise activation"
    parents = [base for base in type(module).__mro__[1:] if base.__module__ == _TORCH_ACTIVATIONS]
    if parents and not isinstance(module, nn.MultiheadAttention):
        return f"{_kind(module)} is a subclass of {parents[0].__name__} and may compute something else"
    return None


def _kind(module: nn.Module) -> str:
    kind = type(module)
    return f"nn.{kind.__name__}" if kind.__module__.startswith("torch.nn.") else kind.__name__


def put(model: nn.Module, path: str, module: nn.Module) -> None:
    """Put a module at a path, in place of a module or of a function attribute."""
    parent_path, _, name = path.rpartition(".")
    parent = model.get_submodule(parent_path)
    if name in parent._modules:
        parent._modules[name] = module
    else:
        setattr(parent, name, module)


def reference_tensor(model: nn.Module, path: str) -> torch.Tensor | None:
    """Return a floating tensor near a path, whose device and precision a new module there should have."""
    parent = model.get_submodule(path.rpartition(".")[0])
    for home in (parent, model):
        for tensor in (*home.parameters(), *home.buffers()):
            if tensor.is_floating_point():
                return tensor
    return None


def fit(module: nn.Module, model: nn.Module, path: str) -> None:
    """Give a new module the device and the mode of the place it is for, and float64 if that is used there."""
    near = reference_tensor(model, path)
    if near is not None:
        module.to(device=near.device, dtype=torch.float64 if near.dtype == torch.float64 else None)
    module.train(model.get_submodule(path.rpartition(".")[0]).training)
