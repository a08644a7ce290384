"""Outside calls: attributes of a module that another module's code calls, such as self.stem.act(x)."""

import ast
from collections.abc import Iterator
from functools import lru_cache

import torch
from torch import nn

from autoact.conversion.source._call_sites import Call
from autoact.conversion.source._methods import Method, methods
from autoact.conversion.source._rewriting import own_class


def outside_calls(model: nn.Module) -> dict[str, Call]:
    """Return a call of each attribute that some class of a model calls on another object, by attribute.

    Args:
        model: The model.
    """
    found: dict[str, Call] = {}
    for kind in {own_class(module): None for module in model.modules()}:
        for name, call in _of(kind):
            found.setdefault(name, call)
    return found


@lru_cache(maxsize=512)
def _of(kind: type) -> tuple[tuple[str, Call], ...]:
    return tuple(each for method in methods(kind).values() for each in _in(method))


def _in(method: Method) -> Iterator[tuple[str, Call]]:
    nodes = list(ast.walk(method.tree))
    held = {name for node in nodes for name in _bound(node, method)}
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            below, name = node.func.value, node.func.attr
            root = _root(below)
            inner = root == method.own_name and not method.is_own(below)
            if inner or (root in held and not hasattr(torch.Tensor, name)):
                yield name, Call(ast.unparse(node.func), method.file, node.lineno)


def _bound(node: ast.AST, method: Method) -> Iterator[str]:
    """Yield the local names that a loop or an assignment binds to something inside the object."""
    if isinstance(node, ast.For):
        walked = {each.id for each in ast.walk(node.iter) if isinstance(each, ast.Name)}
        targets = [node.target] if method.own_name in walked else []
    elif isinstance(node, ast.Assign):
        targets = node.targets if _root(node.value) == method.own_name else []
    else:
        return
    yield from (each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name))


def _root(node: ast.AST) -> str:
    """Return the name that an expression such as self.layers[0] begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
