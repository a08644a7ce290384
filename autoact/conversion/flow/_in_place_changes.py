"""In-place changes in a class's source: of results after they were made, and of inputs after they were read.

`h = self.act(x); h += y` changes a result of `act`; `x += self.fc(self.act(x))` changes its input. Who owns
the memory of a value is followed through names and views; what is not sure to be a copy counts as the same.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from autoact.conversion.flow._data_flow import NOTHING, Made
from autoact.conversion.flow._value_reader import VIEWING, ValueReader
from autoact.conversion.source import VIEWS, Method, inplace_argument, methods, names_in, reached

ARGUMENT = "argument"  # the kind of what forward is given
_TOGETHER = ("tuple", "list", "dict")


@dataclass(frozen=True, slots=True)
class Handed:
    """What a module is called on.

    Attributes:
        path: Of the module.
        made: Whose memory it gets.
        earlier: Who read that memory before.
    """

    path: str
    made: Made
    earlier: Made


@dataclass(frozen=True, slots=True)
class Changes:
    """What a class changes in place.

    Attributes:
        results: Whose results change; ("argument", name) for what forward is given.
        inputs: Whose inputs change after they ran.
        handed: What modules are called on, which may change it.
        takers: Who reads what forward is given.
        returned: Whose memory forward returns.
        walked: Paths of containers whose children the class calls one by one.
    """

    results: Made = NOTHING
    inputs: Made = NOTHING
    handed: frozenset[Handed] = frozenset()
    takers: Made = NOTHING
    returned: Made = NOTHING
    walked: frozenset[str] = frozenset()


@lru_cache(maxsize=512)
def in_place_changes(kind: type) -> Changes:
    """Return what a class changes in place; nothing where there is no source."""
    written = methods(kind)
    readers = {name: _Reader(kind, written[name], frozenset({name})) for name in reached(kind)}
    for reader in readers.values():
        reader.bind()
        reader.read()
    forward = readers.get("forward")
    return Changes(
        results=frozenset().union(*(reader.changed for reader in readers.values())),
        inputs=frozenset().union(*(reader.spent for reader in readers.values())),
        handed=frozenset().union(*(reader.handed for reader in readers.values())),
        takers=frozenset(forward.takers) if forward else NOTHING,
        returned=frozenset(forward.returned) if forward else NOTHING,
        walked=frozenset(path for reader in readers.values() for path in reader.walked()),
    )


class _Reader(ValueReader):
    """Reads a method from top to bottom and keeps whose memory every local name may share."""

    def __init__(self, kind: type, method: Method, above: frozenset[str]) -> None:
        super().__init__(kind, method, above)
        self.changed: set[tuple[str, str]] = set()
        self.spent: set[tuple[str, str]] = set()
        self.handed: set[Handed] = set()
        self.takers: set[tuple[str, str]] = set()
        self.readers: dict[str, set[tuple[str, str]]] = {}  # of the memory of a name; names may share one set

    def bind(self) -> None:
        """Let the arguments stand for themselves."""
        for name in self._arguments():
            self.held[name] = frozenset({(ARGUMENT, name)})

    def walked(self) -> Iterator[str]:
        """Yield the paths of containers that the method goes through, or takes children of."""
        for node in ast.walk(self.method.tree):
            around = node.value if isinstance(node, ast.Subscript) else getattr(node, "iter", None)
            for each in ast.walk(around) if around is not None else ():
                if isinstance(each, ast.Attribute) and (path := self._path(each)):
                    yield path

    def _arguments(self) -> list[str]:
        arguments = self.method.tree.args
        return [each.arg for each in (*arguments.posonlyargs, *arguments.args)][not self.method.static :]

    def _assign(self, targets: list[ast.expr], value: ast.expr) -> None:
        match targets, value:
            case [ast.Tuple(elts=left)], ast.Tuple(elts=right) if len(left) == len(right):
                for one, other in zip(left, right, strict=True):
                    self._assign([one], other)
                return
        for target in targets:
            if isinstance(target, ast.Subscript):
                self._of(value)  # which is computed before anything changes
                self._change(target, self._of(target))
        for target in targets:
            match target:
                case ast.Attribute(value=ast.Name(id=name), attr=attr):
                    self.held[f"{name}.{attr}"] = self._of(value)
                    self.readers[f"{name}.{attr}"] = set()
        plain = [target for target in targets if not isinstance(target, ast.Subscript | ast.Attribute)]
        super()._assign(plain, value)
        root = _root(value)
        shared = set[tuple[str, str]]() if root is None else self.readers.setdefault(root, set())
        self.readers.update((name, shared) for target in plain for name in names_in(target))

    def _augment(self, target: ast.expr, op: ast.operator, value: ast.expr) -> None:
        self._of(value)
        if not isinstance(value, ast.List | ast.Tuple | ast.ListComp):
            self._change(target, self._of(target))

    def _change(self, node: ast.expr, memory: Made) -> None:
        self.changed |= memory
        self.spent |= self.readers.get(_root(node) or "", set())

    def _read_by(self, made: Made, node: ast.expr | None, memory: Made) -> None:
        root = None if node is None else _root(node)
        if root is not None:
            self.readers.setdefault(root, set()).update(made)
        if any(kind == ARGUMENT for kind, _ in memory):
            self.takers |= made

    def _called(self, node: ast.Call) -> Made:
        name, receiver = self._callee(node)
        own = receiver is not None and self.method.is_own(receiver)
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        bound = [self._of(each) for each in given]
        if own and name in methods(self.kind):
            return self._inside(name, node, bound)
        is_method = (
            receiver is not None and self.method.resolve(node.func) is None and not self._path(node.func)
        )
        first = receiver if is_method else next(iter(given), None)
        memory = self._of(receiver) if is_method else next(iter(bound), NOTHING)
        for keyword, made in zip(node.keywords, bound[len(node.args) :], strict=True):
            if keyword.arg == "out":
                self._change(keyword.value, made)
        return self._outside(node, name, first, memory, frozenset().union(*bound))

    def _outside(self, node: ast.Call, name: str, first: ast.expr | None, memory: Made, given: Made) -> Made:
        """Return whose memory the result of a module or a function may share; `memory` is that of `first`."""
        site, path = self._site(node), self._path(node.func)
        if site is None and path:
            made = frozenset({("module", path), *self._apart(node, path)})
            earlier = self.readers.get(_root(first) or "", set()) if first is not None else ()
            self.handed.add(Handed(path, memory, frozenset(earlier)))
            self._read_by(made, first, memory)
            return made
        changes = _changes_first(name, node, self.method.resolve(node.func))
        if changes and first is not None:
            self._change(first, memory)
        kept = memory if changes or name in VIEWS else NOTHING
        if site is not None:
            made = frozenset({("call", site.name), ("call", site.layer)})
            self._read_by(made, first, memory)
            return made | kept if changes else made
        return given if name in _TOGETHER else kept

    def _inside(self, name: str, node: ast.Call, bound: list[Made]) -> Made:
        """Read a method of the class with what it is called on."""
        if name in self.above:
            return NOTHING
        reader = _Reader(self.kind, methods(self.kind)[name], self.above | {name})
        arguments = [
            *reader._arguments()[: len(node.args)],
            *(keyword.arg or "" for keyword in node.keywords),
        ]
        for argument, value, made in zip(
            arguments, [*node.args, *(keyword.value for keyword in node.keywords)], bound, strict=False
        ):
            reader.held[argument] = made
            if root := _root(value):
                reader.readers[argument] = self.readers.setdefault(root, set())
        reader.read()
        for mine, theirs in (
            (self.changed, reader.changed),
            (self.spent, reader.spent),
            (self.takers, reader.takers),
        ):
            mine |= theirs
        self.handed |= reader.handed
        return frozenset(reader.returned)


def _changes_first(name: str, node: ast.Call, function: Any) -> bool:
    """Tell whether a function or a tensor's method changes what it is called on, by its name or `inplace`."""
    given = inplace_argument(function, node)
    asked = given is not None and not (isinstance(given, ast.Constant) and not given.value)
    return asked or (name.endswith("_") and not name.endswith("__"))


def _root(node: ast.AST) -> str | None:
    """Return the local name whose memory an expression is, itself or a view of it."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Subscript(value=value):
            return _root(value)
        case ast.Attribute(value=value, attr=attr) if attr in VIEWING:
            return _root(value)
        case ast.Attribute(value=ast.Name(id=name), attr=attr):
            return f"{name}.{attr}"
        case ast.Call(func=ast.Attribute(value=value, attr=attr), args=args) if attr in VIEWS:
            return _root(value) or (_root(args[0]) if args else None)
    return None
