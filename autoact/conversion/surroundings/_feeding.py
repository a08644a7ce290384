"""Feeding of an activation: whether a layer of its module, or a parameter, is what it is applied to."""

import ast
from typing import Any

from torch import nn

from autoact.conversion.source import Site, first_name, input_of, names_in
from autoact.errors import ConversionError


def fed_by_child(call: Site) -> bool:
    """Follow the call's input through local names to self.CHILD(...), or to a loop over children."""
    nodes, own = list(ast.walk(call.method.tree)), call.method.own_name
    bound = _bound(call)
    loops = [node for node in nodes if isinstance(node, ast.For) and own in names_in(node.iter)]
    children = {own, *(name for loop in loops for name in names_in(loop.target))}
    waiting: list[ast.AST] = [call.node]
    seen: set[str] = set()
    while waiting:
        for node in ast.walk(waiting.pop()):
            if isinstance(node, ast.Call) and node is not call.node and first_name(node.func) in children:
                return True
            if isinstance(node, ast.Name) and node.id not in {own, *seen}:
                seen.add(node.id)
                waiting += [value for target, value in bound if node.id in names_in(target)]
    return False


def fed_by_parameter(call: Site, owner: nn.Module) -> bool:
    """Tell whether a call's input is made of parameters alone, as in F.linear(x, F.relu(self.weight)).

    Args:
        call: In the source of a module's class.
        owner: The module.
    """
    try:
        waiting: list[ast.AST] = [input_of(call)]
    except ConversionError:
        return False
    bound, own, seen, found = _bound(call), call.method.own_name, set[str](), False
    while waiting:
        for node in ast.walk(waiting.pop()):
            held = _held(owner, node, own)
            found = found or isinstance(held, nn.Parameter)
            if isinstance(getattr(held, "__self__", held), nn.Module) and _is_called(node, call):
                return False
            if isinstance(node, ast.Name) and node.id not in {own, *seen}:
                seen.add(node.id)
                values = [value for target, value in bound if node.id in names_in(target)]
                if not values and call.method.resolve(node) is None:
                    return False
                waiting += values
    return found


def _is_called(node: ast.AST, call: Site) -> bool:
    return any(isinstance(each, ast.Call) and each.func is node for each in ast.walk(call.method.tree))


def _held(owner: nn.Module, node: ast.AST, own: str) -> Any:
    """Return the object that self.a.b stands for, None for other expressions."""
    if isinstance(node, ast.Name) and node.id == own:
        return owner
    if not isinstance(node, ast.Attribute) or first_name(node) != own:
        return None
    return getattr(_held(owner, node.value, own), node.attr, None)


def _bound(call: Site) -> list[tuple[ast.expr, ast.expr]]:
    """Return targets and values of the assignments in the method of a call."""
    return [
        (target, node.value)
        for node in ast.walk(call.method.tree)
        if isinstance(node, ast.Assign | ast.AugAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
