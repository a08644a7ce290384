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
_TENSOR_METHODS = ("relu", "relu_", "sigmoid", "tanh")


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
    return [call for attribute, call in _attributes(kind) if attribute == name]


@dataclass(frozen=True, slots=True)
class _Method:
    """The syntax of one method, and where it stands."""

    tree: ast.FunctionDef
    file: str
    offset: int
    names: dict[str, Any]

    @property
    def own_name(self) -> str:
        """What the method calls its object, usually self."""
        return self.tree.args.args[0].arg if self.tree.args.args else ""

    def calls(self) -> Iterator[tuple[ast.expr, Call]]:
        """Yield the called expressions, and what to say about them."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield node.func, Call(ast.unparse(node.func), self.file, self.offset + node.lineno)


@lru_cache(maxsize=256)
def _functional(kind: Any) -> tuple[Call, ...]:
    return tuple(
        call
        for method in _methods(kind)
        for function, call in method.calls()
        if isinstance(function, ast.Attribute | ast.Name) and _is_activation(function, method)
    )


@lru_cache(maxsize=256)
def _attributes(kind: Any) -> tuple[tuple[str, Call], ...]:
    """Return the name and place of every call of an attribute of the object itself."""
    return tuple(
        (function.attr, call)
        for method in _methods(kind)
        for function, call in method.calls()
        if isinstance(function, ast.Attribute) and _is_own(function.value, method)
    )


def _is_own(node: ast.expr, method: _Method) -> bool:
    return isinstance(node, ast.Name) and node.id == method.own_name


def _methods(kind: type) -> list[_Method]:
    """Return the methods that users' classes give a module; special ones and overridden ones left out."""
    found: dict[str, _Method] = {}
    for owner in kind.__mro__:
        if owner is not object and owner.__module__.partition(".")[0] not in _LIBRARIES:
            for method in _written_in(owner):
                if not method.tree.name.startswith("__"):
                    found.setdefault(method.tree.name, method)
    return list(found.values())


def _written_in(owner: type) -> Iterator[_Method]:
    try:
        lines, first = inspect.getsourcelines(owner)
        file = Path(inspect.getsourcefile(owner) or "?").name
        tree = ast.parse(textwrap.dedent("".join(lines))).body[0]
    except (OSError, TypeError, SyntaxError):
        return  # no source: classes made in a shell or by exec
    names = vars(sys.modules[owner.__module__]) if owner.__module__ in sys.modules else {}
    for node in tree.body if isinstance(tree, ast.ClassDef) else ():
        if isinstance(node, ast.FunctionDef):
            yield _Method(node, file, first - 1, names)


def _is_activation(function: ast.Attribute | ast.Name, method: _Method) -> bool:
    """Tell whether a called expression is a torch activation: F.relu, torch.tanh, relu, or x.relu."""
    found = _resolve(function, method.names)
    if found is not None:
        return callable(found) and from_function(found) is not None
    if not isinstance(function, ast.Attribute) or _is_own(function.value, method):
        return False
    return function.attr in _TENSOR_METHODS and _resolve(function.value, method.names) is None


def _resolve(node: ast.expr, names: dict[str, Any]) -> Any:
    """Return the object that a dotted name stands for in a module, or None."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        return getattr(_resolve(node.value, names), node.attr, None)
    return None
