"""Data flow in a method: which results are returned, and which are multiplied; followed through its source.

A result is named by who made it: ("module", "head.0") for self.head[0](...), ("call", site name) for F.relu.
"""

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from autoact.conversion.source import Method, Product, Site, methods, names_in, reached, sites, uses

Made = frozenset[tuple[str, str]]
NOTHING: Made = frozenset()
PART = "@"  # before the name of a part of a module's result
_COLLECTIONS = ("tuple", "list", "dict")
_PRODUCTS = ("addcmul", "einsum")  # of more than two, or of more than products
# what leaves values as they are, or scales them all alike, whether a torch function or a tensor's method
_SHAPES = set(
    (
        "view reshape flatten squeeze unsqueeze permute transpose movedim expand contiguous t to float "
        "double half type_as clone detach cpu numpy repeat chunk split unbind narrow select cat stack "
        "mean sum clamp "
    ).split()
)


@dataclass(frozen=True, slots=True)
class Flow:
    """What a class's forward does with results.

    Attributes:
        returned: Those it returns.
        multiplied: Those that are multiplied by something that is no constant and no parameter.
        named: Those it puts under a name into an object, such as ModelOutput(logits=...).
    """

    returned: Made = NOTHING
    multiplied: Made = NOTHING
    named: Mapping[str, Made] = field(default_factory=dict)


@lru_cache(maxsize=512)
def flow(kind: type) -> Flow:
    """Return what forward does with results; nothing where there is no source."""
    written = methods(kind)
    multiplied: set[tuple[str, str]] = set()
    returned = NOTHING
    named: dict[str, Made] = {}
    for name in reached(kind):
        reader = Reader(kind, written[name], frozenset({name}))
        reader.read()
        multiplied |= reader.multiplied
        returned = frozenset(reader.returned) if name == "forward" else returned
        named = {**named, **reader.named}
    return Flow(returned, frozenset(multiplied), named)


class Reader:
    """Reads a method from top to bottom and keeps what every local name may hold."""

    def __init__(self, kind: type, method: Method, above: frozenset[str]) -> None:
        self.kind, self.method, self.above = kind, method, above
        self.held: dict[str, Made] = {}
        self.modules: dict[str, str] = {}
        self.returned: set[tuple[str, str]] = set()
        self.multiplied: set[tuple[str, str]] = set()
        self.named: dict[str, Made] = {}
        self.sites = {site.where: site for site in sites(kind) if site.what == "call"}

    def read(self) -> None:
        """Read the whole method."""
        self._block(self.method.tree.body)

    def _block(self, statements: Iterable[ast.stmt]) -> None:
        for statement in statements:
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Return(value=value):
                self.returned |= self._of(value)
            case ast.Assign(targets=targets, value=value):
                self._assign(targets, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign([target], value)
            case ast.AugAssign(target=target, op=op, value=value):
                self._augment(target, op, value)
            case ast.If(test=test, body=body, orelse=orelse):
                self._of(test)
                self._either(body, orelse)
            case ast.For(target=target, iter=walked, body=body, orelse=orelse):
                self._bind_loop(target, walked)
                self._either(body, [])
                self._either(body, orelse)  # once more, for what one pass leaves to the next
            case ast.While(body=body, orelse=orelse):
                self._either(body, orelse)
            case ast.With(body=body):
                self._block(body)
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
                self._block([*body, *orelse])
                for handler in handlers:
                    self._either(handler.body, [])
                self._block(final)
            case ast.Expr(value=value):
                self._of(value)

    def _assign(self, targets: list[ast.expr], value: ast.expr) -> None:
        path = self._path(value)
        made = self._of(value)
        for target in targets:
            for name in names_in(target):
                self.held[name] = made
                if path is not None and isinstance(target, ast.Name):
                    self.modules[name] = path

    def _augment(self, target: ast.expr, op: ast.operator, value: ast.expr) -> None:
        made = self._of(value)
        for name in names_in(target):
            if isinstance(op, ast.Mult):
                self._product([(target, self.held.get(name, NOTHING)), (value, made)])
            self.held[name] = self.held.get(name, NOTHING) | made

    def _either(self, one: list[ast.stmt], other: list[ast.stmt]) -> None:
        before = dict(self.held)
        self._block(one)
        after, self.held = self.held, before
        self._block(other)
        for name, made in after.items():
            self.held[name] = self.held.get(name, NOTHING) | made

    def _bind_loop(self, target: ast.expr, walked: ast.expr) -> None:
        """Let the loop's name stand for the last module of what it walks through."""
        lists = walked.args if isinstance(walked, ast.Call) and not self._path(walked) else [walked]
        paths = [path for each in lists if (path := self._path(each))]
        for name in names_in(target):
            self.held[name] = NOTHING
            if paths:
                self.modules[name] = f"{paths[0]}.-1"

    def _path(self, node: ast.AST | None) -> str | None:
        """Return the path of a module that an expression names, seen from the object itself."""
        match node:
            case ast.Name(id=name):
                return "" if name == self.method.own_name else self.modules.get(name)
            case ast.Attribute(value=value, attr=attr):
                above = self._path(value)
                return None if above is None else f"{above}.{attr}".removeprefix(".")
            case ast.Subscript(value=value, slice=index):
                above = self._path(value)
                if above:
                    known = ast.unparse(index).strip("'\"")
                    return f"{above}.{known if isinstance(index, ast.Constant | ast.UnaryOp) else -1}"
        return None

    def _of(self, node: ast.AST | None) -> Made:
        """Return who may have made the value of an expression."""
        match node:
            case ast.Call():
                return self._called(node)
            case ast.Name(id=name):
                return self.held.get(name, NOTHING)
            case ast.Attribute(value=value, attr=attr):
                return frozenset((kind, _part(kind, name, attr)) for kind, name in self._of(value))
            case ast.Subscript(slice=ast.Slice()):
                return NOTHING  # some of several results: which ones is not written
            case ast.Subscript(value=value) | ast.Starred(value=value):
                return self._of(value)
            case ast.NamedExpr(target=target, value=value):
                self._assign([target], value)
                return self._of(value)
            case ast.BinOp(left=left, right=right):
                parts = [(left, self._of(left)), (right, self._of(right))]
                if Product.of(node, self.method) is not None:
                    self._product(parts)
                return parts[0][1] | parts[1][1]
            case ast.Lambda() | ast.Constant() | None:
                return NOTHING
        return self._all(ast.iter_child_nodes(node))

    def _all(self, nodes: Iterable[ast.AST]) -> Made:
        return frozenset().union(*(self._of(node) for node in nodes))

    def _called(self, node: ast.Call) -> Made:
        site = self._site(node)
        given = self._all([*node.args, *(keyword.value for keyword in node.keywords)])
        name, receiver = self._callee(node)
        if site is not None:
            self._of(receiver)
            return frozenset({("call", site.name), ("call", site.layer)})
        if isinstance(receiver, ast.AST) and self.method.is_own(receiver) and name in methods(self.kind):
            return self._own_method(name)
        path = self._path(node.func)
        if path:
            return frozenset({("module", path), *self._apart(node, path)})
        inside = self._of(receiver)
        product = Product.of(node, self.method)
        parts: list[ast.expr | None] = [] if product is None else [product.left, product.right]
        if name in _PRODUCTS:
            parts = [receiver, *node.args] if inside or not self.method.resolve(node.func) else [*node.args]
        self._product([(part, self._of(part)) for part in parts if part is not None])
        if name[:1].isupper():
            for keyword in node.keywords:
                known = self.named.get(keyword.arg or "", NOTHING)
                self.named[keyword.arg or ""] = known | self._of(keyword.value)
        keeps = parts or name in _SHAPES or name in _COLLECTIONS or name[:1].isupper()
        return given | inside if keeps else NOTHING

    def _callee(self, node: ast.Call) -> tuple[str, ast.expr | None]:
        """Return the last name of what is called, and the object whose attribute it is."""
        if isinstance(node.func, ast.Attribute):
            return node.func.attr, node.func.value
        return getattr(node.func, "id", ""), None

    def _apart(self, node: ast.Call, path: str) -> Made:
        """Return the name that a call has of its own where an attribute is called several times."""
        if "." in path:
            return NOTHING
        where = (self.method.name, node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
        found = [use for use in uses(self.kind, path) if use.where == where]
        return frozenset(("call", name) for use in found for name in (use.name, use.layer))

    def _site(self, node: ast.Call) -> Site | None:
        return self.sites.get(
            (self.method.name, node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
        )

    def _own_method(self, name: str) -> Made:
        if name in self.above:
            return NOTHING
        reader = type(self)(self.kind, methods(self.kind)[name], self.above | {name})
        reader.read()
        return frozenset(reader.returned)

    def _product(self, parts: Sequence[tuple[ast.AST, Made]]) -> None:
        """Note what is multiplied by something that another part of the model computes."""
        for index, (_, made) in enumerate(parts):
            others = [node for number, (node, _) in enumerate(parts) if number != index]
            if made and any(not self._is_constant(node) for node in others):
                self.multiplied |= made

    def _is_constant(self, node: ast.AST) -> bool:
        """Tell whether a factor is a number or a parameter, such as a learned scale per channel."""
        plain = all(
            isinstance(each, ast.Constant | ast.Attribute | ast.Name | ast.BinOp | ast.UnaryOp)
            or not isinstance(each, ast.expr)
            for each in ast.walk(node)
        )
        return plain and names_in(node) <= {self.method.own_name, *self.method.function.__globals__}


def _part(kind: str, name: str, attribute: str) -> str:
    """Name a part of a module's result, unless it is all of it."""
    whole = kind == "call" or PART in name or attribute in ("T", "mT", "data", "real")
    return name if whole else f"{name}{PART}{attribute}"
