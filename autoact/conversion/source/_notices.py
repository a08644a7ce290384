"""Notices of activations in a model's source that no rewriting reaches, by file and line, and why."""

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from torch import nn

from autoact.conversion.grid import computed_by
from autoact.conversion.source._call_sites import UNSEARCHED, Call, Site, activation_of
from autoact.conversion.source._methods import (
    Method,
    constructors,
    covered,
    in_order,
    methods,
    plain_function,
    unread,
)
from autoact.conversion.source._rewriting import own_class

_DEPTH = 3
_LINE = re.compile(r"\(([^()\s]+), line (\d+)\)")


def notices(model: nn.Module, known: frozenset[str]) -> dict[str, str]:
    """Return what is to be said about a model's classes, by "path.forward" of the first module of each.

    Args:
        model: The model.
        known: Paths of modules that are activations themselves, whatever their source says.
    """
    seen: dict[type, str] = {}
    held = [value for module in model.modules() for value in vars(module).values() if computed_by(value)]
    converted = {line for function in held for line in _lines(function)}
    for path, module in model.named_modules():
        if path not in known:
            seen.setdefault(own_class(module), f"{path}.forward".removeprefix("."))
    found = {
        path: left
        for kind, path in seen.items()
        if (left := [said for said in _of(kind) if not any(line in said for line in converted)])
    }
    for path, module in model.named_modules():
        for name, value in vars(module).items() if path not in known else ():
            function = None if computed_by(value) else plain_function(value)
            if function is not None and function.name != "<lambda>" and (inside := list(_calls(function))):
                where = f"{path}.{name}".removeprefix(".")
                found[where] = [f"calls {each} inside the function {function.name}" for each in inside]
    return {path: "; ".join(said) for path, said in found.items()}


def lines_of(reasons: Iterable[str], sites: Iterable[Site]) -> frozenset[tuple[str, int]]:
    """Return file and number of the lines that reasons name, and of all lines of calls.

    Example:
        >>> sorted(lines_of(["calls F.elu (net.py, line 3) inside the function f"], []))
        [('net.py', 3)]
    """
    named = {(file, int(line)) for reason in reasons for file, line in _LINE.findall(reason)}
    nodes = [(site.call.file, site.node) for site in sites]
    return frozenset(
        named
        | {
            (file, line)
            for file, node in nodes
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
        }
    )


def _lines(function: Any) -> set[str]:
    """Return the lines of a function as `Call` speaks of them."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return set()
    return {f"({Path(code.co_filename).name}, line {line})" for _, _, line in code.co_lines()}


@lru_cache(maxsize=512)
def _of(kind: type) -> tuple[str, ...]:
    found: dict[str, None] = {}
    if "forward" not in methods(kind) and unread(kind, "forward"):
        found["its source cannot be read, so calls of activations in it are not seen"] = None
    for method in methods(kind).values():
        found.update(dict.fromkeys(_passed_on(method)))
        found.update(dict.fromkeys(_unsearched(method)))
        found.update(dict.fromkeys(_called(method, _DEPTH, frozenset())))
    for method in constructors(kind):
        found.update(dict.fromkeys(_made(method)))
    for method in covered(kind):
        if _runs_by_super(kind, method):
            found.update(dict.fromkeys(_behind_super(method)))
    return tuple(found)


def _passed_on(method: Method) -> Iterator[str]:
    """Speak of functions that are mentioned without being called, such as act = F.relu."""
    called = {id(node.func) for node in ast.walk(method.tree) if isinstance(node, ast.Call)}
    compared = {
        id(part) for node in ast.walk(method.tree) if isinstance(node, ast.Compare) for part in ast.walk(node)
    }
    for node in in_order(method.tree):
        if isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
            quiet = id(node) in called or id(node) in compared or method.resolve(node) is None
            if not quiet and activation_of(node, method)[0] is not None:
                yield f"passes {_said(node, method)} on; only calls can be rewritten"


def _unsearched(method: Method) -> Iterator[str]:
    for node in in_order(method.tree):
        if isinstance(node, ast.Call):
            function = activation_of(node.func, method)[1]
            for other, reason in UNSEARCHED.items():
                if function is other:
                    yield f"calls {_said(node.func, method)}; {reason}"
            if isinstance(node.func, ast.Attribute) and node.func.attr == "add_relu":  # of FloatFunctional
                yield f"calls {_said(node.func, method)}; the ReLU is part of it: write the relu of an add"


def _called(method: Method, depth: int, above: frozenset[str]) -> Iterator[str]:
    """Speak of activations inside functions that a method calls."""
    for node in in_order(method.tree):
        if not isinstance(node, ast.Call):
            continue
        function = plain_function(method.resolve(node.func))
        if function is None or function.name in above or computed_by(function.function):
            continue
        for said in _calls(function):
            yield f"calls {said} inside the function {function.name}; make it a module to have it searched"
        if depth > 1:
            yield from _called(function, depth - 1, above | {function.name})


def _made(method: Method) -> Iterator[str]:
    """Speak of activations in functions that __init__ makes."""
    for node in ast.walk(method.tree):
        if isinstance(node, ast.Lambda | ast.FunctionDef) and node is not method.tree:
            for said in _calls(method, node):
                yield f"calls {said} inside a function made in __init__; make it a module or a method"


def _behind_super(method: Method) -> Iterator[str]:
    for said in _calls(method):
        yield f"calls {said} by super(); only the method itself can be rewritten"


def _runs_by_super(kind: type, method: Method) -> bool:
    return any(
        isinstance(node, ast.Attribute)
        and node.attr == method.name
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == "super"
        for other in methods(kind).values()
        for node in ast.walk(other.tree)
    )


def _calls(method: Method, inside: ast.AST | None = None) -> Iterator[str]:
    for node in in_order(inside or method.tree):
        if isinstance(node, ast.Call) and activation_of(node.func, method)[0] not in (None, "sin"):
            yield _said(node.func, method)


def _said(node: ast.expr, method: Method) -> str:
    return str(Call(ast.unparse(node), method.file, node.lineno))
