"""Activations that a model's own code calls, found by reading its source: where they are, and how often."""

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from torch import nn

from autoact.activations import from_function

_LIBRARIES = ("torch", "torchmetrics", "lightning", "pytorch_lightning", "autoact")


@dataclass(frozen=True, slots=True)
class Call:
    """A call in a model's source: what is called, in which file, on which line."""

    what: str
    file: str
    line: int

    def __str__(self) -> str:
        """Return F.relu (model.py, line 12)."""
        return f"{self.what} ({self.file}, line {self.line})"


def functional_calls(model: nn.Module) -> dict[str, list[Call]]:
    """Return calls such as F.relu(x) or x.relu(), by "path.forward" of the first module that makes them."""
    seen: dict[Any, str] = {}
    for path, module in model.named_modules():
        seen.setdefault(type(module), f"{path}.forward".removeprefix("."))
    return {path: list(calls) for kind, path in seen.items() if (calls := _functional(kind))}


def attribute_calls(module: nn.Module, name: str) -> list[Call]:
    """Return the calls of self.NAME(...) in a module's own class."""
    kind: Any = type(module)
    return [call for call in _attributes(kind) if call.what == f"self.{name}"]


@lru_cache(maxsize=256)
def _functional(kind: Any) -> tuple[Call, ...]:
    return tuple(
        Call(_text(node.func), file, line)
        for node, file, line, names in _calls(kind)
        if isinstance(node.func, ast.Attribute | ast.Name) and _is_activation(node.func, names)
    )


@lru_cache(maxsize=256)
def _attributes(kind: Any) -> tuple[Call, ...]:
    found = ((node.func, file, line) for node, file, line, _ in _calls(kind))
    return tuple(
        Call(_text(f), file, line)
        for f, file, line in found
        if isinstance(f, ast.Attribute) and isinstance(f.value, ast.Name) and f.value.id == "self"
    )


def _text(node: ast.expr) -> str:
    return ast.unparse(node)


def _calls(kind: type) -> Iterator[tuple[ast.Call, str, int, dict[str, Any]]]:
    """Yield the calls in the methods a class defines itself or inherits from users' classes."""
    for owner in kind.__mro__:
        home = owner.__module__.partition(".")[0]
        if home in _LIBRARIES or owner is object:
            continue
        try:
            lines, first = inspect.getsourcelines(owner)
            file = Path(inspect.getsourcefile(owner) or "?").name
            tree = ast.parse(textwrap.dedent("".join(lines)))
        except (OSError, TypeError, SyntaxError):
            continue  # no source: classes made in a shell or by exec
        names = vars(sys.modules[owner.__module__]) if owner.__module__ in sys.modules else {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield node, file, first + node.lineno - 1, names


def _is_activation(function: ast.Attribute | ast.Name, names: dict[str, Any]) -> bool:
    """Tell whether a called expression is a torch activation: F.relu, torch.tanh, relu, or x.relu."""
    found = _resolve(function, names)
    if found is not None:
        return callable(found) and from_function(found) is not None
    if not isinstance(function, ast.Attribute) or _text(function).startswith("self."):
        return False
    return function.attr in ("relu", "tanh", "sigmoid", "relu_") and _resolve(function.value, names) is None


def _resolve(node: ast.expr, names: dict[str, Any]) -> Any:
    """Return the object that a dotted name stands for in a module, or None."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        return getattr(_resolve(node.value, names), node.attr, None)
    return None
