"""Shared state: modules, parameters and buffers that are one object in every module that a callable makes."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

_OWN = (nn.Module, Tensor)


def shared_objects(first: nn.Module, second: nn.Module) -> dict[str, nn.Module | Tensor]:
    """Return what two modules have in common, by path: whole modules where those are shared, else tensors.

    Args:
        first: A module.
        second: Another one from the same callable.

    Example:
        >>> outside = nn.Linear(2, 2)
        >>> list(shared_objects(nn.Sequential(outside, nn.ReLU()), nn.Sequential(outside, nn.ReLU())))
        ['0']
    """
    theirs = {id(held) for _, held in _held(second, "", set())}
    found: dict[str, nn.Module | Tensor] = {}
    for path, held in _held(first, "", set()):
        inside = any(path == known or not known or path.startswith(f"{known}.") for known in found)
        if id(held) in theirs and not inside:
            found[path] = held
    return found


def _held(module: nn.Module, path: str, seen: set[int]) -> Iterator[tuple[str, nn.Module | Tensor]]:
    """Iterate over a module and all modules and tensors in it, registered or in other attributes."""
    if id(module) in seen:
        return
    seen.add(id(module))
    yield path, module
    for name, value in _attributes(module):
        inner = f"{path}.{name}" if path else name
        if isinstance(value, nn.Module):
            yield from _held(value, inner, seen)
        else:
            yield inner, value


def _attributes(module: nn.Module) -> Iterator[tuple[str, nn.Module | Tensor]]:
    own = {k: v for kind in reversed(type(module).__mro__) if _of_user(kind) for k, v in vars(kind).items()}
    for place in (own, vars(module), module._modules, module._parameters, module._buffers):
        for name, value in place.items():
            yield from _values(name, value)


def _of_user(kind: type) -> bool:
    return kind.__module__.partition(".")[0] not in ("builtins", "lightning", "pytorch_lightning", "torch")


def _values(name: str, value: Any) -> Iterator[tuple[str, nn.Module | Tensor]]:
    if isinstance(value, _OWN):
        yield name, value
    elif name.startswith("_"):  # torch's own
        return
    elif isinstance(value, list | tuple):
        yield from ((f"{name}.{place}", item) for place, item in enumerate(value) if isinstance(item, _OWN))
    elif isinstance(value, Mapping):
        yield from ((f"{name}.{key}", item) for key, item in value.items() if isinstance(item, _OWN))


class Snapshot:
    """State of shared objects at one time.

    Args:
        shared: What `shared_objects` returned.

    Example:
        >>> layer = nn.Linear(2, 2)
        >>> before = Snapshot({"layer": layer})
        >>> _ = nn.init.zeros_(layer.bias)
        >>> before.changed()
        'layer.bias'
    """

    def __init__(self, shared: Mapping[str, nn.Module | Tensor]) -> None:
        self._tensors = {path: (tensor, tensor.detach().cpu().clone()) for path, tensor in _tensors(shared)}
        self._shared = shared
        self._numbers = _numbers(shared)

    def changed(self) -> str | None:
        """Return the path of the first state that is not what it was; None where all is."""
        for path, (tensor, before) in self._tensors.items():
            if not torch.equal(tensor.detach().cpu().nan_to_num(), before.nan_to_num()):
                return path
        now = _numbers(self._shared)
        return next((path for path in now if now[path] != self._numbers.get(path)), None)

    def restore(self) -> None:
        """Put the tensors back to what they were."""
        with torch.no_grad():
            for tensor, before in self._tensors.values():
                tensor.copy_(before)


def _tensors(shared: Mapping[str, nn.Module | Tensor]) -> Iterator[tuple[str, Tensor]]:
    for path, held in shared.items():
        inner = _held(held, path, set()) if isinstance(held, nn.Module) else [(path, held)]
        yield from ((name, value) for name, value in inner if isinstance(value, Tensor))


def _numbers(shared: Mapping[str, nn.Module | Tensor]) -> dict[str, Any]:
    """Return the plain numbers of modules, such as a best value, by path."""
    modules = ((path, held) for path, held in shared.items() if isinstance(held, nn.Module))
    return {
        f"{path}.{name}": value if value == value else None
        for start, shared_module in modules
        for path, held in _held(shared_module, start, set())
        if isinstance(held, nn.Module)
        for name, value in vars(held).items()
        if isinstance(value, int | float) and name != "training" and not name.startswith("_")
    }
