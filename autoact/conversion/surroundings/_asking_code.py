"""Asking code: expressions that ask what an activation is, isinstance(m, nn.ReLU), self.act.weight.

A layer would answer them differently, so that the model would compute something else. Training steps and
hooks may ask: what they do is part of what a search compares.
"""

import ast
import builtins
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from torch import nn

from autoact.conversion.source import (
    Call,
    Method,
    constructors,
    is_step,
    mentioned,
    methods,
    own_class,
    parents,
    reached,
)
from autoact.nn import AutoActivation

_ASKING = ("isinstance", "issubclass", "type", "hasattr", "getattr", "id", "vars")
_OF_MODULES = frozenset(dir(nn.Module()))
_OF_LAYERS = _OF_MODULES | frozenset(dir(AutoActivation))


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked where.

    Attributes:
        call: The expression.
        names: Of the attribute self.NAMES that it is about; none where it is about any module.
        classes: That it compares with.
        reads: Whether it reads the last of the names, rather than asking about what has this name.
        attribute: That any module is asked for, by hasattr or getattr.
    """

    call: Call
    names: tuple[str, ...] = ()
    classes: tuple[type, ...] = ()
    reads: bool = False
    attribute: str = ""


def questions(model: nn.Module, activations: Mapping[str, Any]) -> dict[str, Call]:
    """Return a line that asks what each activation is, by path, where there is one.

    Args:
        model: The model.
        activations: Modules and functions that compute activations, by path.
    """
    found: dict[str, Call] = {}
    for path, module in model.named_modules():
        for question in _of(own_class(module)):
            below = f"{path}." if path else ""
            for each, present in activations.items():
                if each.startswith(below) and _is_asked(question, each[len(below) :], present):
                    found.setdefault(each, question.call)
    return found


def _is_asked(question: _Question, path: str, present: Any) -> bool:
    own, names = tuple(path.split(".")), question.names
    if question.reads:
        ours = isinstance(present, nn.Module) and names[-1] in _OF_MODULES
        return names[:-1] == own and not ours
    if question.attribute:
        return hasattr(present, question.attribute) and question.attribute not in _OF_LAYERS
    about = names == own if names else isinstance(present, nn.Module)
    return about and (not question.classes or any(_tells(kind, present) for kind in question.classes))


def _tells(kind: type, present: Any) -> bool:
    """Tell whether an activation is of a class that what stands in for it is not, or the other way round."""
    return isinstance(present, kind) != issubclass(AutoActivation, kind)


@lru_cache(maxsize=512)
def _of(kind: type) -> tuple[_Question, ...]:
    known, making, of_forward = methods(kind), set[str](), "forward" in methods(kind)
    waiting = [name for method in constructors(kind) for name in mentioned(method)]
    while waiting:
        name = waiting.pop()
        if name in known and name not in making:
            making.add(name)
            waiting += mentioned(known[name])
    runs = [name for name in reached(kind) if not is_step(name) and (of_forward or name not in making)]
    return tuple(question for name in runs for question in _asked(known[name]))


def _asked(method: Method) -> Iterator[_Question]:
    around = parents(method.tree)
    for node in ast.walk(method.tree):
        if names := _names(node, method):
            above = around[node]
            if len(names) > 1:
                yield _Question(_call(node, method), names, reads=True)
            if _asks(above, node):
                compared = above.args[1:] if isinstance(above, ast.Call) else [above]
                classes = tuple(kind for each in compared for kind in _classes(each, method))
                yield _Question(_call(above, method), names, classes)
        elif classes := tuple(filter(_is_of_modules, _compared(node, method))):
            yield _Question(_call(node, method), (), classes)
        elif attribute := _attribute(node, method):
            yield _Question(_call(node, method), attribute=attribute)


def _asks(above: ast.AST, node: ast.AST) -> bool:
    """Tell whether an expression asks what an attribute in it is."""
    if isinstance(above, ast.Compare):
        sides = [above.left, *above.comparators]
        return not any(isinstance(side, ast.Constant) and side.value is None for side in sides)
    if not isinstance(above, ast.Call) or above.args[:1] != [node]:
        return False
    return isinstance(above.func, ast.Name) and above.func.id in _ASKING


def _compared(node: ast.AST, method: Method) -> Iterator[type]:
    """Yield the classes that an expression asks an object for that no attribute of the module names."""
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        if not any(isinstance(side, ast.Call) and _is_named(side, method) for side in sides):
            for side in sides:
                yield from _classes(side, method)
        if any(isinstance(each, ast.Attribute) and each.attr == "__name__" for each in ast.walk(node)):
            texts = (each.value for each in ast.walk(node) if isinstance(each, ast.Constant))
            found = (getattr(nn, text, None) for text in texts if isinstance(text, str))
            yield from (kind for kind in found if isinstance(kind, type))
    elif isinstance(node, ast.MatchClass):
        yield from _classes(node.cls, method)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 2:
        if node.func.id in ("isinstance", "issubclass") and not _is_named(node, method):
            yield from _classes(node.args[1], method)


def _attribute(node: ast.AST, method: Method) -> str:
    """Return what hasattr or getattr asks an object for that no attribute of the module names."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or len(node.args) < 2:
        return ""
    given, name = node.args[:2]
    if node.func.id not in ("hasattr", "getattr") or method.is_own(given) or _is_named(node, method):
        return ""
    return name.value if isinstance(name, ast.Constant) and isinstance(name.value, str) else ""


def _is_named(node: ast.Call, method: Method) -> bool:
    return bool(node.args) and bool(_names(node.args[0], method))


def _classes(node: ast.AST, method: Method) -> Iterator[type]:
    """Yield the classes that stand in an expression, also in tables that it names."""
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and method.is_own(each.value):
            held = getattr(method.owner, each.attr, None)
        else:
            held = method.resolve(each) or getattr(builtins, getattr(each, "id", ""), None)
        for one in held if isinstance(held, tuple | list | set | frozenset | dict) else (held,):
            if isinstance(one, type):
                yield one


def _is_of_modules(kind: type) -> bool:
    return issubclass(kind, nn.Module) and not issubclass(AutoActivation, kind)


def _names(node: ast.AST, method: Method) -> tuple[str, ...]:
    """Return ("a", "b") for self.a.b; nothing for any other expression."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return tuple(reversed(names)) if names and method.is_own(node) else ()


def _call(node: ast.AST, method: Method) -> Call:
    return Call(ast.unparse(node), method.file, getattr(node, "lineno", 0))
