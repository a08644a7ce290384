"""Feeding of an activation: whether a layer of its module computes what it is applied to."""

import ast

from autoact.conversion.source import Site, first_name, names_in


def fed_by_child(call: Site) -> bool:
    """Follow the call's input through local names to self.CHILD(...), or to a loop over children."""
    nodes, own = list(ast.walk(call.method.tree)), call.method.own_name
    bound = [
        (target, node.value) for node in nodes if isinstance(node, ast.Assign) for target in node.targets
    ]
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
