"""Observation of every activation of a running model with its pre-activations, modules and calls alike."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from autoact.activations import from_function, from_module, get
from autoact.conversion.source import with_settings
from autoact.errors import ConversionError, UnsupportedInputError
from autoact.geometry.signals._meters import unit_dim
from autoact.nn import AutoActivation, FixedActivation


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One activation as it runs.

    Attributes:
        path: Of the module, or of the calling module and the function's name and number: "encoder.relu_1".
        name: What it is: a registered name, or "mixture".
        function: Computes it, elementwise but for parameters per channel.
        z: Its input, (N, ...), with autograd's history.
        units: How many units it tells apart: 1 where all have the same parameters.
    """

    path: str
    name: str
    function: Callable[[Tensor], Tensor]
    z: Tensor
    units: int = 1


class _OnCopies:
    """A module as a function, past its hooks, that leaves its input as it is."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def __call__(self, z: Tensor) -> Tensor:
        return cast(Tensor, self.module.forward(z.clone()))


class _Calls(TorchFunctionMode):
    """Hand on calls of activation functions outside activation modules."""

    def __init__(self, modules: _Modules) -> None:
        super().__init__()
        self._modules = modules

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = from_function(func)
        if name is not None and args and isinstance(args[0], Tensor):
            self._modules.called(name, args, kwargs or {})
            args = (args[0].clone(), *args[1:])  # an in-place call would change what was seen
        return func(*args, **(kwargs or {}))


class _Modules:
    """Which module runs, and which activations it has called so far."""

    def __init__(self, see: Callable[[Seen], None]) -> None:
        self._see = see
        self._running: list[str] = []
        self._inside: list[str] = []
        self._called: Counter[tuple[str, str]] = Counter()

    def called(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self._inside:
            return
        path = self._running[-1] if self._running else ""
        self._called[path, name] += 1
        try:
            values = with_settings(name, args[1:], kwargs).parameters
        except ConversionError:  # a setting that is known when it runs only
            return
        label = f"{name}_{self._called[path, name]}"
        here = f"{path}.{label}" if path else label
        self._see(Seen(here, name, lambda z: get(name)(z, **values), args[0]))

    def enter(self, path: str, module: nn.Module, arguments: tuple[Any, ...]) -> Any:
        self._running.append(path)
        if not (is_activation(module) and arguments and isinstance(arguments[0], Tensor)):
            return None
        self._inside.append(path)  # first: what is seen here is called once more to look at it
        if len(self._inside) == 1:
            z = arguments[0]
            self._see(Seen(path, _name(module), _OnCopies(module), z, _units(module, z)))
        return (arguments[0].clone(), *arguments[1:]) if _in_place(module) else None

    def leave(self, path: str) -> None:
        self._running.pop()
        if self._inside and self._inside[-1] == path:
            self._inside.pop()


def is_activation(module: nn.Module) -> bool:
    """Tell whether a module is an activation that autoact knows."""
    return isinstance(module, AutoActivation | FixedActivation) or from_module(module) is not None


def _in_place(module: nn.Module) -> bool:
    """Tell whether a call changes its input: torch's attribute, or ours."""
    return bool(getattr(module, "inplace", False)) or getattr(module, "in_place", None) == "itself"


def _name(module: nn.Module) -> str:
    if isinstance(module, FixedActivation):
        return module.name
    found = from_module(module)
    return found[0] if found else "mixture"


def _units(module: nn.Module, z: Tensor) -> int:
    """Return the number of channels where the module has a value for each, else 1."""
    channels = z.shape[unit_dim(z, module)] if z.dim() else 1
    held = (*module.parameters(), *module.buffers())
    return channels if any(t.shape[:1] == (channels,) for t in held) else 1


@contextmanager
def watching(model: nn.Module, see: Callable[[Seen], None]) -> Iterator[None]:
    """Call a function with every activation that runs meanwhile; nothing stays on the model."""
    modules = _Modules(see)
    handles: list[RemovableHandle] = []
    for path, module in model.named_modules():
        handles.append(module.register_forward_pre_hook(_entering(modules, path)))
        handles.append(module.register_forward_hook(_leaving(modules, path), always_call=True))
    try:
        with _Calls(modules):
            yield
    finally:
        for handle in handles:
            handle.remove()


def _entering(modules: _Modules, path: str) -> Callable[..., Any]:
    return lambda module, arguments: modules.enter(path, module, arguments)


def _leaving(modules: _Modules, path: str) -> Callable[..., Any]:
    return lambda module, arguments, result: modules.leave(path)


def run(model: nn.Module, batch: Any) -> Any:
    """Run a model on a batch as a loader yields it.

    Args:
        model: Any module.
        batch: A tensor or array; a sequence that begins with as many inputs as forward requires; a mapping of
            forward's arguments, of which those that it does not take are left out, or the one argument
            itself.

    Raises:
        UnsupportedInputError: Something that is no batch, or one that the model does not take.
    """
    named, positional = _arguments(model, batch)
    near = next((p for p in model.parameters()), torch.empty(0))
    try:
        return model(*(_moved(x, near) for x in positional), **{k: _moved(x, near) for k, x in named.items()})
    except (RuntimeError, TypeError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        shapes = ", ".join(_shape(each) for each in (*positional, *named.values()))
        raise UnsupportedInputError(
            f"{type(model).__name__} does not take a batch of {shapes}: {error}. Give inputs as its forward "
            "takes them: a tensor, a sequence that begins with them, or a mapping by argument."
        ) from error


def _arguments(model: nn.Module, batch: Any) -> tuple[dict[str, Any], Sequence[Any]]:
    """Return what forward is called with, by name and by place."""
    takes = inspect.signature(model.forward).parameters.values()
    if isinstance(batch, Mapping):
        names = {p.name for p in takes if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        known = {k: v for k, v in batch.items() if k in names or any(p.kind is p.VAR_KEYWORD for p in takes)}
        return (known, ()) if known else ({}, (batch,))
    if isinstance(batch, list | tuple) and batch:
        required = [p for p in takes if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
        return {}, batch[: max(1, len(required))]
    if isinstance(batch, Tensor | np.ndarray):
        return {}, (batch,)
    raise UnsupportedInputError(
        f"{type(batch).__name__} is no batch. Give a tensor, a sequence that begins with the inputs, or a "
        "mapping by argument of forward."
    )


def _moved(value: Any, near: Tensor) -> Any:
    """Return tensors where the model's parameters are, floating-point ones of their precision."""
    value = torch.from_numpy(value) if isinstance(value, np.ndarray) else value
    if isinstance(value, Mapping):
        return {key: _moved(each, near) for key, each in value.items()}
    if not isinstance(value, Tensor):
        return value
    return value.to(near.device, near.dtype if value.is_floating_point() else None)


def _shape(value: Any) -> str:
    return str(tuple(value.shape)) if isinstance(value, Tensor | np.ndarray) else type(value).__name__
