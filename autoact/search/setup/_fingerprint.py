"""Fingerprint of a problem: what a resumed run must find as it was when it began, apart from its settings."""

import ast
import hashlib
import inspect
import sysconfig
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from textwrap import dedent
from types import CodeType
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import IterableDataset

from autoact.errors import ConfigurationError
from autoact.nn import AutoActivation

_LISTED = 200  # parameters whose shapes are kept one by one
_FIRST = "first row of the"
_LIBRARIES = ("site-packages", "dist-packages")
_LARGEST = 1 << 24  # bytes of a row that are read


def fingerprint(
    module: nn.Module | None, parts: Mapping[str, Any], objective: Any = None
) -> dict[str, str | int]:
    """Return what identifies a problem, by what it is called: texts that are equal in every process.

    A row that is another one when it is read again, because it is augmented, is left out.

    Args:
        module: A fresh model: the source of its classes, the shapes of its parameters and the candidates of
            its `AutoActivation` layers count.
        parts: Loaders by name: length, batch size, and first row of each count.
        objective: A function in place of both: its source counts.

    Example:
        >>> found = fingerprint(nn.Linear(2, 3), {"training data": [torch.zeros(4, 2)]})
        >>> found["shape of weight"], found["length of the training data"]
        ('3x2', 1)
    """
    found: dict[str, str | int] = {}
    if objective is not None and inspect.isfunction(objective) and objective.__name__ != "<lambda>":
        found |= _source(objective, f"source of {objective.__name__}")
    if module is not None:
        for kind in sorted(_classes(module), key=lambda each: each.__qualname__):
            found |= _source(kind, f"source of {kind.__qualname__}")
        found |= _shapes(module)
        found |= {
            f"candidates of {path}": ", ".join(layer.candidates)
            for path, layer in module.named_modules()
            if isinstance(layer, AutoActivation)
        }
    for name, loaders in parts.items():
        for inner, loader in _loaders(name, loaders):
            found |= _data(inner, loader)
    return found


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return what differs between two fingerprints, in words.

    Args:
        before: The fingerprint of a run's begin.
        now: That of the present.

    Example:
        >>> changes({"shape of weight": "3x2"}, {"shape of weight": "3x4"})
        ['shape of weight (was 3x2, is 3x4)']
    """
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    both = [name for name in names if not name.startswith(_FIRST) or (name in before and name in now)]
    return [f"{name}{_difference(before.get(name), now.get(name))}" for name in both]


def require_same_problem(found: Sequence[str]) -> None:
    """Refuse to go on with a run whose problem is another one by now.

    Args:
        found: What `changes` returned.

    Raises:
        ConfigurationError: Names what changed.
    """
    if not found:
        return
    listed = "; ".join(found[:8]) + (f"; and {len(found) - 8} more" if len(found) > 8 else "")
    raise ConfigurationError(
        f"The run cannot be resumed, because the problem is another one than when it began: {listed}. Put "
        "that back, start a new run in another directory, or give --accept-changes (accept_changes=True): "
        "what was trained is then set aside, and everything is trained anew."
    )


def _difference(before: Any, now: Any) -> str:
    if before is None:
        return " (new)"
    if now is None:
        return " (gone)"
    hashed = isinstance(before, str) and before.startswith("sha256:")
    return "" if hashed else f" (was {before}, is {now})"


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()[:16]}"


def _classes(module: nn.Module) -> set[type]:
    """Return the classes of the user's own of a module and everything in it."""
    kinds = {kind for each in module.modules() for kind in type(each).__mro__}
    return {kind for kind in kinds if _of_user(kind)}


def _of_user(kind: type) -> bool:
    if kind.__module__.partition(".")[0] in ("builtins", "torch", "lightning", "autoact"):
        return False
    if kind.__module__ == "__main__":
        return True
    try:
        path = Path(inspect.getfile(kind))
    except (TypeError, OSError):  # a class that nobody has written
        return False
    return not set(_LIBRARIES) & set(path.parts) and not path.is_relative_to(sysconfig.get_path("stdlib"))


def _source(item: Any, name: str) -> dict[str, str | int]:
    """Return the digest of a source without comments and layout; if it is unknown, of the compiled code."""
    try:
        text = ast.unparse(ast.parse(dedent(inspect.getsource(item))))
    except (OSError, TypeError, SyntaxError):  # of a cell's class, of standard input or of `python -c`
        inner = vars(item) if isinstance(item, type) else {"": item}
        functions = {key: value for key, value in inner.items() if inspect.isfunction(value)}
        text = repr({key: _compiled(functions[key].__code__) for key in sorted(functions)})
        return {name: _digest(text.encode())} if functions else {}
    return {name: _digest(text.encode())}


def _compiled(code: CodeType) -> list[Any]:
    """Return what a code does, without the places that it stands at."""
    constants: list[Any] = []
    for each in code.co_consts:
        inner = _compiled(each) if isinstance(each, CodeType) else each
        constants.append(sorted(map(repr, each)) if isinstance(each, frozenset) else inner)
    return [code.co_code, code.co_names, code.co_varnames, constants]


def _shapes(module: nn.Module) -> dict[str, str | int]:
    shapes = {
        f"shape of {name}": "x".join(map(str, value.shape)) or "one number"
        for name, value in module.named_parameters()
        if not isinstance(value, nn.parameter.UninitializedParameter)
    }
    if len(shapes) <= _LISTED:
        return dict(shapes)
    return {"shapes of the parameters": _digest(repr(shapes).encode())}


def _loaders(name: str, loaders: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(loaders, Mapping):
        for key, loader in loaders.items():
            yield from _loaders(f"{name} {key}", loader)
    elif isinstance(loaders, list | tuple) and any(hasattr(loader, "dataset") for loader in loaders):
        for place, loader in enumerate(loaders):
            yield from _loaders(f"{name} {place}", loader)
    else:
        yield name, loaders


def _data(name: str, loader: Any) -> dict[str, str | int]:
    found: dict[str, str | int] = {}
    rows = getattr(loader, "dataset", loader)
    try:
        found[f"length of the {name}"] = len(rows)
    except (TypeError, NotImplementedError, RuntimeError):
        pass  # a stream
    if isinstance(batch := getattr(loader, "batch_size", None), int):
        found[f"batch size of the {name}"] = batch
    if isinstance(rows, IterableDataset) or not hasattr(rows, "__getitem__"):
        return found
    try:
        first, again = rows[0], rows[0]
    except Exception:  # the user's data set: rows may have other names
        return found
    found[f"form of the {name}"] = ", ".join(_form(first))
    content = _content(first)
    if content is not None and content == _content(again):
        found[f"{_FIRST} {name}"] = _digest(content)
    return found


def _form(row: Any) -> Iterator[str]:
    """Iterate over types, dtypes and shapes of what a row holds."""
    for item in _leaves(row):
        shape = "x".join(map(str, item.shape)) if isinstance(item, torch.Tensor | np.ndarray) else ""
        kind = str(item.dtype).removeprefix("torch.") if shape or hasattr(item, "dtype") else ""
        yield f"{kind or type(item).__name__}{f' {shape}' if shape else ''}"


def _content(row: Any) -> bytes | None:
    """Return what a row holds as bytes; None where there is something that has no such form."""
    found = bytearray()
    for item in _leaves(row):
        if isinstance(item, torch.Tensor):
            item = item.detach().cpu()
            item = (item.to_dense() if item.layout != torch.strided else item).reshape(-1)
            item = item[:_LARGEST].clone(
                memory_format=torch.contiguous_format
            )  # one number of stride 0 has no bytes
            found += item.view(torch.uint8).numpy().tobytes()[:_LARGEST]
        elif isinstance(item, np.ndarray) and item.dtype != object:
            found += item.tobytes()[:_LARGEST]
        elif isinstance(item, bool | int | float | complex | str | bytes | np.generic | None):
            found += repr(item).encode()
        else:
            return None
    return bytes(found)


def _leaves(row: Any) -> Iterator[Any]:
    if isinstance(row, Mapping):
        items: Iterable[Any] = row.values()
    elif isinstance(row, list | tuple):
        items = row
    elif is_dataclass(row) and not isinstance(row, type):
        items = [getattr(row, item.name) for item in fields(row)]
    elif hasattr(row, "__array_interface__") and not isinstance(row, np.ndarray):
        items = [np.asarray(row)]  # an image
        yield from items
        return
    else:
        yield row
        return
    for item in items:
        yield from _leaves(item)
