"""Mirrored calls: cat([act(x), act(-x)]), a CReLU, whose two activations are one choice."""

import ast
from collections.abc import Iterator, Mapping
from itertools import combinations

from autoact.conversion.source import Method, Site, input_of

_CAT = ("cat", "concat", "concatenate")


def mirrored(sites: Mapping[str, Site]) -> dict[str, str]:
    """Return the path of the first call for each second one of a pair in one `torch.cat`, of x and of -x.

    Args:
        sites: Calls of activations by layer path.
    """
    paths = {(path.rpartition(".")[0], id(each.node), each.turn): path for path, each in sites.items()}
    found = dict[str, str]()
    for path, site in sites.items():
        owner = path.rpartition(".")[0]
        for first, second in _pairs(site.method):
            one, other = (paths.get((owner, id(node), site.turn)) for node in (first, second))
            if path == one and other is not None and _opposite(input_of(site), input_of(sites[other])):
                found[other] = one
    return found


def _pairs(method: Method) -> Iterator[tuple[ast.expr, ast.expr]]:
    for node in ast.walk(method.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name) and node.args:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            parts = node.args[0]
            if name in _CAT and isinstance(parts, ast.List | ast.Tuple):
                yield from combinations(parts.elts, 2)


def _opposite(one: ast.expr, other: ast.expr) -> bool:
    """Tell whether one of two expressions is the other with a minus before it."""
    minus = [each for each in (one, other) if isinstance(each, ast.UnaryOp) and isinstance(each.op, ast.USub)]
    if len(minus) != 1:
        return False
    plain = other if minus[0] is one else one
    return ast.dump(minus[0].operand) == ast.dump(plain)
