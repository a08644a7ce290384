"""Branches of a function: calls of which one execution reaches at most one, read from its syntax.

Only what is sure counts: two branches of one `if`, `match` or conditional expression, and a branch that
leaves the function before the other call. Nothing inside a loop or an inner function is exclusive.
"""

import ast
from collections.abc import Iterator, Sequence
from functools import lru_cache

LOOPS = (ast.For, ast.While, ast.comprehension, ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)
_REPEATED = (*LOOPS, ast.AsyncFor, ast.Lambda, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_TRYING = (ast.Try, ast.TryStar)
_WITH = (ast.With, ast.AsyncWith)


@lru_cache(maxsize=256)
def parents(tree: ast.AST) -> dict[ast.AST, ast.AST]:
    """Return the node above each node of a syntax tree."""
    return {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}


def ancestors(node: ast.AST, around: dict[ast.AST, ast.AST]) -> Iterator[ast.AST]:
    """Yield the nodes around a node, the nearest first."""
    while node in around:
        node = around[node]
        yield node


def exclusive(tree: ast.AST, one: ast.AST, other: ast.AST) -> bool:
    r"""Tell whether no execution of a function can reach both of two nodes in it.

    Args:
        tree: The function.
        one: A node in it.
        other: Another.

    Returns:
        False wherever that is not sure.

    Example:
        >>> tree = ast.parse("def f(x):\n if x:\n  return a(x)\n return b(x)").body[0]
        >>> a, b = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
        >>> exclusive(tree, a, b)
        True
    """
    around = parents(tree)
    first, second = (list(reversed([node, *ancestors(node, around)])) for node in (one, other))
    common = sum(1 for a, b in zip(first, second, strict=False) if a is b)
    below = first[common:], second[common:]
    if not all(below) or any(isinstance(node, _REPEATED) for node in first[:common] if node is not tree):
        return False
    if any(isinstance(node, _REPEATED) for branch in below for node in branch):
        return False
    fork, a, b = first[common - 1], below[0][0], below[1][0]
    return _forks(fork, a, b, below) or _left_before(fork, *below)


def _forks(fork: ast.AST, a: ast.AST, b: ast.AST, below: tuple[list[ast.AST], list[ast.AST]]) -> bool:
    """Tell whether a node runs at most one of two parts of it."""
    match fork:
        case ast.If(body=body, orelse=orelse):
            return (a in body and b in orelse) or (b in body and a in orelse)
        case ast.IfExp(body=body, orelse=orelse):
            return {a, b} == {body, orelse}
        case ast.Match():
            return all(isinstance(way[0], ast.match_case) and way[1] in way[0].body for way in below)
    return False


def _left_before(fork: ast.AST, one: list[ast.AST], other: list[ast.AST]) -> bool:
    """Tell whether of two statements of one block, the first leaves the function after its call."""
    for block in _blocks(fork):
        if one[0] in block and other[0] in block:
            earlier = one if block.index(one[0]) < block.index(other[0]) else other
            return _leaves(earlier)
    return False


def _leaves(way: list[ast.AST]) -> bool:
    """Tell whether a statement is never followed by the next; given as the nodes down to its call."""
    if any(isinstance(node, _TRYING) for node in way):
        return False  # what is raised after the call may be caught
    for index in range(len(way)):
        caught = any(isinstance(node, _WITH) for node in way[:index])
        for block in _blocks(way[index - 1]) if index else [way[:1]]:
            if way[index] in block and any(_exits(each, caught) for each in block[block.index(way[index]) :]):
                return True
    return False


def _exits(statement: ast.AST, caught: bool = False) -> bool:
    """Tell whether a statement always ends the function; with `caught`, exceptions may be suppressed."""
    match statement:
        case ast.Return():
            return True
        case ast.Raise():
            return not caught
        case ast.If(body=body, orelse=orelse):
            return all(any(_exits(each, caught) for each in block) for block in (body, orelse))
        case ast.With(body=body) | ast.AsyncWith(body=body):
            return any(_exits(each, True) for each in body)
    return False


def _blocks(node: ast.AST) -> list[Sequence[ast.AST]]:
    """Return the lists of statements of a node."""
    found = [getattr(node, name, None) for name in ("body", "orelse", "finalbody")]
    return [block for block in found if isinstance(block, list)]
