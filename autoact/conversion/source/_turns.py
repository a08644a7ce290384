"""Turns of loops: how often a call in a loop runs, where every turn has layers of its own.

`for conv in self.convs: x = F.relu(conv(x))` has as many activations as layers. A loop that repeats the same
weights, as an unrolled recurrence does, repeats the same activation. What a loop walks through is computed on
the module as it is now, from attributes, constants and a few harmless functions; else nothing is known.
"""

import ast
from collections.abc import Iterator, Mapping
from itertools import islice, product
from typing import Any

from torch import Tensor, nn

from autoact.conversion.source._branches import ancestors, parents
from autoact.conversion.source._methods import Method, names_in

MOST = 10_000  # turns of one loop
_HOMES = nn.ModuleList | nn.ModuleDict | nn.Sequential | nn.ParameterList | nn.ParameterDict
_FUNCTIONS: Mapping[str, Any] = {
    each.__name__: each for each in (range, len, zip, enumerate, reversed, list, tuple, min, max, int, str)
}
_METHODS = {"values", "items", "keys"}
_OPERATORS = ast.operator | ast.unaryop | ast.boolop | ast.cmpop | ast.expr_context
_COMBINED = ast.BinOp | ast.UnaryOp | ast.BoolOp | ast.Compare | ast.IfExp | ast.Subscript | ast.Slice
_PLAIN = ast.Constant | ast.Tuple | ast.List | ast.Starred | _COMBINED | _OPERATORS
_UNKNOWN = object()
_LEAVING = (ast.Break, ast.Continue, ast.Return, ast.Raise)
Loop = ast.For | ast.comprehension


# for each loop that has turns: which of the loops around the call, its number of turns, this one's number
Turn = tuple[tuple[int, int, int], ...]


def loops_around(method: Method, node: ast.AST) -> list[Loop]:
    """Return the loops that repeat a call, the outermost first; none where a function is in between."""
    found: list[Loop] = []
    around, inner = parents(method.tree), node
    for each in ancestors(node, around):
        match each:
            case ast.For(body=body) if inner in body:
                found.append(each)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                inside = each.generators
                if inner in inside:  # in the condition of one, or in what a later one walks through
                    number = inside.index(inner)
                    inside = inside[: number + any(node in ast.walk(test) for test in inner.ifs)]
                found += reversed(inside)
            case ast.Lambda() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return list(reversed(found)) if each is method.tree else []
        inner = each
    return list(reversed(found))


def turns_of(method: Method, node: ast.AST, module: nn.Module) -> list[Turn] | None:
    """Return the turns in which a call may run; None if no loop around it takes other layers every turn.

    Args:
        method: In which the call stands.
        node: The call.
        module: Whose method it is.
    """
    if "enumerate" in method.function.__code__.co_varnames or method.resolve(ast.Name("enumerate")):
        return None
    evaluation = _Evaluation(method, module)
    found: list[tuple[int, Loop, list[Any]]] = []
    for number, loop in enumerate(loops_around(method, node)):
        items = evaluation.items(loop)
        if items is not None and len(items) > 1 and evaluation.differs(loop, items):
            found.append((number, loop, items))
    if not found:
        return None
    loops, ranges = [loop for _, loop, _ in found], [range(len(items)) for _, _, items in found]
    return [
        tuple((number, len(items), at) for (number, _, items), at in zip(found, turn, strict=True))
        for turn in product(*ranges)
        if evaluation.may_run(node, loops, [items[at] for (_, _, items), at in zip(found, turn, strict=True)])
    ]


class _Evaluation:
    """Values of expressions of a method that follow from a module's attributes alone."""

    def __init__(self, method: Method, module: nn.Module) -> None:
        self.method, self.module = method, module
        self.around = parents(method.tree)
        self.assigned = _assigned_once(method)

    def items(self, loop: Loop) -> list[Any] | None:
        """Return what a loop walks through, or None if that is known only when the model runs."""
        if isinstance(loop, ast.comprehension) and loop.is_async:
            return None
        found = self.value(loop.iter, {})
        try:
            items = list(islice(found, MOST + 1)) if found is not _UNKNOWN else None
        except Exception:  # a user's object may raise anything
            return None
        return items if items is not None and len(items) <= MOST else None

    def value(self, node: ast.expr, known: Mapping[str, Any]) -> Any:
        """Return the value of an expression, given those of some names; _UNKNOWN if it may depend on more."""
        names: dict[str, Any] = {self.method.own_name: self.module, **known}
        if not self._is_harmless(node, names):
            return _UNKNOWN
        code = compile(ast.fix_missing_locations(ast.Expression(node)), self.method.file, "eval")
        try:
            return eval(code, {"__builtins__": {}}, names)
        except Exception:  # an index out of range, a property that raises, ...
            return _UNKNOWN

    def _is_harmless(self, node: ast.AST, names: dict[str, Any]) -> bool:
        """Tell whether computing an expression changes nothing; adds the names that it needs."""
        match node:
            case ast.Name(id=name):
                return name in names or self._is_known(name, names)
            case ast.Attribute(value=value, attr=attr):
                return attr != "training" and self._is_harmless(value, names)
            case ast.Call(func=ast.Name(id=name), args=given, keywords=named) if name in _FUNCTIONS:
                own = self.method.resolve(ast.Name(name)) is None and name not in self.assigned
                names[name] = _FUNCTIONS[name]
                return own and all(
                    self._is_harmless(each, names) for each in (*given, *(each.value for each in named))
                )
            case ast.Call(func=ast.Attribute(value=value, attr=attr), args=[], keywords=[]):
                return attr in _METHODS and self._is_harmless(value, names)
        return isinstance(node, _PLAIN) and all(
            self._is_harmless(each, names) for each in ast.iter_child_nodes(node)
        )

    def _is_known(self, name: str, names: dict[str, Any]) -> bool:
        """Tell whether a name has one value in the method: a constant of its file, or one assignment."""
        if name in self.assigned:
            value, self.assigned[name] = self.assigned[name], None  # a name within its own value is unknown
            found = self.value(value, {}) if value is not None else _UNKNOWN
            self.assigned[name] = value
        else:
            found = self.method.resolve(ast.Name(name))
            found = found if isinstance(found, bool | int | str) else _UNKNOWN
        names[name] = found
        return found is not _UNKNOWN

    def differs(self, loop: Loop, items: list[Any]) -> bool:
        """Tell whether turns take other modules: the loop walks through them, or its names choose them."""
        walked = [
            tuple(id(part) for part in _parts(item) if isinstance(part, nn.Module | Tensor)) for item in items
        ]
        if any(walked):
            return len(set(walked)) > 1
        names = names_in(loop.target)
        inside = self.around[loop] if isinstance(loop, ast.comprehension) else loop
        return any(self._chooses(node, names) for node in ast.walk(inside))

    def _chooses(self, node: ast.AST, names: set[str]) -> bool:
        match node:
            case ast.Subscript(value=value, slice=index):
                while isinstance(value, ast.Subscript):
                    value = value.value
                home = self.value(value, {}) if names_in(index) & names else None
                return isinstance(home, _HOMES)
            case ast.Call(func=ast.Name(id="getattr"), args=[home, name, *_]):
                return self.method.is_own(home) and bool(names_in(name) & names)
        return False

    def may_run(self, node: ast.AST, loops: list[Loop], items: list[Any]) -> bool:
        """Tell whether a call may run in a turn: not where a test of what the turn takes rules it out."""
        known: dict[str, Any] = {}
        for loop, item in zip(loops, items, strict=True):
            known.update(_bound(loop.target, item))
        inner: ast.AST = node
        for each in ancestors(node, self.around):
            if self._rules_out(each, inner, known):
                return False
            if each is loops[0]:
                break
            inner = each
        return True

    def _rules_out(self, each: ast.AST, inner: ast.AST, known: dict[str, Any]) -> bool:
        match each:
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return (self._is(test, False, known) and inner is body) or (
                    self._is(test, True, known) and inner is orelse
                )
            case ast.If(test=test, body=body, orelse=orelse):
                if (self._is(test, False, known) and inner in body) or (
                    self._is(test, True, known) and inner in orelse
                ):
                    return True
            case ast.comprehension() | ast.ListComp() | ast.GeneratorExp() | ast.SetComp() | ast.DictComp():
                return False
        for block in (getattr(each, name, None) for name in ("body", "orelse")):
            if isinstance(block, list) and inner in block:
                return any(self._leaves(before, known) for before in block[: block.index(inner)])
        return False

    def _leaves(self, statement: ast.stmt, known: dict[str, Any]) -> bool:
        """Tell whether a statement ends this turn for sure."""
        match statement:
            case ast.If(test=test, body=[*_, last]):
                return isinstance(last, _LEAVING) and self._is(test, True, known)
        return False

    def _is(self, test: ast.expr, wanted: bool, known: dict[str, Any]) -> bool:
        """Tell whether a test of what a turn takes is sure; one of attributes alone may change."""
        if not names_in(test) & set(known):
            return False
        found = self.value(test, known)
        return isinstance(found, bool) and found is wanted


def _assigned_once(method: Method) -> dict[str, ast.expr | None]:
    """Return the names that a method binds: to the one value that each gets outside of loops, or to None."""
    found: dict[str, ast.expr | None] = {}
    arguments = (node.arg for node in ast.walk(method.tree.args) if isinstance(node, ast.arg))
    found.update(dict.fromkeys(arguments))
    plain = {
        each.targets[0].id: each.value
        for each in method.tree.body
        if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name) and len(each.targets) == 1
    }
    stored = [n.id for n in ast.walk(method.tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    for name in stored:
        once = stored.count(name) == 1 and name not in found
        found[name] = plain.get(name) if once else None
    return {name: value for name, value in found.items() if name != method.own_name}


def _parts(item: Any) -> Iterator[Any]:
    if isinstance(item, tuple | list):
        for each in item:
            yield from _parts(each)
    else:
        yield item


def _bound(target: ast.expr, item: Any) -> dict[str, Any]:
    """Return the names that a loop binds in a turn, as far as the target says which gets what."""
    match target:
        case ast.Name(id=name):
            return {name: item}
        case ast.Tuple(elts=targets) | ast.List(elts=targets):
            if isinstance(item, tuple | list) and len(item) == len(targets):
                pairs = zip(targets, item, strict=True)
                return {name: value for each in pairs for name, value in _bound(*each).items()}
    return {}
