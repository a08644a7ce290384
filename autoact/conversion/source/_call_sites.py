"""Call sites of activations in the methods of a class, F.relu(x), x.tanh(), self.act(x), from its source."""

import ast
import operator
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F

from autoact._cache import remembered
from autoact.activations import from_function
from autoact.conversion.grid import computed_by
from autoact.conversion.source._branches import LOOPS, ancestors, parents
from autoact.conversion.source._layer_names import named
from autoact.conversion.source._methods import Method, constructors, in_order, methods
from autoact.conversion.source._turns import Turn

# what torch offers besides the twins' functions: these are seldom activations, so they need to be asked for
_BY_NAME = {torch.sin: "sin", torch.Tensor.sin: "sin"}
_MULTIPLYING = ("mul", "mul_", "multiply", "multiply_", "imul")  # names in torch, of tensors, in operator
_TENSOR_METHODS = ("relu", "relu_", "sigmoid", "sigmoid_", "tanh", "tanh_", "sin")
UNSEARCHED = {F.prelu: "its slope is a parameter of the model", F.rrelu: "it is random"}
UNSEARCHED |= {F.threshold: "write nn.Threshold"}


@dataclass(frozen=True, slots=True)
class Call:
    """A call in a model's source: what is called, in which file, on which line."""

    what: str
    file: str
    line: int

    def __str__(self) -> str:
        """Return F.relu (model.py, line 12)."""
        return f"{self.what} ({self.file}, line {self.line})"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Site:
    """One call of an activation in a class's source.

    Attributes:
        name: Of the layer that a conversion makes of this call alone, such as relu_1 or relu_1b.
        method: In which it stands.
        node: The call.
        call: How to speak about it.
        layer: Name of the layer that it shares with the calls that exclude it; else `name`.
        attribute: What is called, for self.ATTRIBUTE(x); None for a function.
        activation: What the function computes; None for an attribute.
        discarded: Whether the result is thrown away: only what the call does in place counts.
        loop: Whether it stands in a loop, or in a method that is called several times.
        turn: The only turn of the loops around it that is meant; else all.
        written: Name of the call in whatever turn.
        whole: Name that stands for all its turns: `written`, or the attribute if this is its only call.
        trouble: Why it cannot be rewritten.
        what: "call" of an activation; "glu": of F.glu, whose gate is an activation; "factor": any expression
            that an activation's result is multiplied by, to which the identity is applied; "half": what
            F.glu is given, of whose first half that is; "maxout": of a maximum of pieces, whose difference
            relu is applied to.
    """

    name: str
    method: Method
    node: Any  # an ast.Call, but of a factor or a maxout any ast.expr
    call: Call
    layer: str = ""
    attribute: str | None = None
    activation: str | None = None
    discarded: bool = False
    loop: bool = False
    turn: Turn = ()
    written: str = ""
    whole: str = ""
    trouble: str | None = None
    what: Literal["call", "glu", "factor", "half", "maxout"] = "call"

    @property
    def is_factor(self) -> bool:
        """Whether it is what the gate of a block multiplies."""
        return self.what in ("factor", "half")

    @property
    def where(self) -> tuple[str, int, int, int | None, int | None]:
        """Method, and the call's place in it."""
        node = self.node
        return self.method.name, node.lineno, node.col_offset, node.end_lineno, node.end_col_offset

    @property
    def end(self) -> tuple[int, int]:
        """Where the call ends: of nested calls, the inner one runs and ends first."""
        return self.node.end_lineno or 0, self.node.end_col_offset or 0


@remembered(maxsize=512)
def sites(kind: type) -> tuple[Site, ...]:
    """Return every call of an activation function in the methods of a class, numbered by activation."""
    found = [site for method in methods(kind).values() for site in _functions(method)]
    return numbered(kind, found)


@lru_cache(maxsize=512)
def uses(kind: type, attribute: str) -> tuple[Site, ...]:
    """Return every call self.ATTRIBUTE(...) in the methods of a class, numbered."""
    found = [site for method in methods(kind).values() for site in _attributes(method, attribute)]
    return numbered(kind, found)


@lru_cache(maxsize=512)
def factors(kind: type) -> tuple[tuple[Site, ast.expr, ast.expr], ...]:
    """Return the factors of products of two results, each with the calls that give it and the other one.

    A factor is a call, or a local name that is bound to one. In `act(gate(x)) * up(x)` both are factors:
    which of them an activation computes, the module tells. F.glu is a product of the halves of its input.
    """
    found = [each for method in methods(kind).values() for each in _factors(method)]
    sites = numbered(kind, [site for site, *_ in found])
    return tuple((site, own, other) for site, (_, own, other) in zip(sites, found, strict=True))


@lru_cache(maxsize=512)
def only_called(kind: type, attribute: str) -> bool:
    """Tell whether a class does nothing with an attribute but call it and compare it with None."""
    for method in methods(kind).values():
        around = parents(method.tree)
        for node in ast.walk(method.tree):
            if isinstance(node, ast.Attribute) and node.attr == attribute and method.is_own(node.value):
                above = around[node]
                called = isinstance(above, ast.Call) and above.func is node
                if not called and not isinstance(above, ast.Compare):
                    return False
    return True


@lru_cache(maxsize=512)
def reached(kind: type) -> frozenset[str]:
    """Return the methods that forward runs, itself among them; all, where a library's forward runs."""
    known, found = methods(kind), set[str]()
    waiting = ["forward"] if "forward" in known else list(known)
    while waiting:
        name = waiting.pop()
        if name in known and name not in found:
            found.add(name)
            waiting += mentioned(known[name])
    return frozenset(found)


def activation_of(function: ast.expr, method: Method) -> tuple[str | None, Any]:
    """Return the activation that a called expression computes, and torch's function where it is known."""
    found = method.resolve(function)
    if found is not None:
        return _name_of(found), found
    if not isinstance(function, ast.Attribute) or method.is_own(function.value):
        return None, None
    if function.attr in _TENSOR_METHODS and method.resolve(function.value) is None:
        found = getattr(torch.Tensor, function.attr)
        return _name_of(found), found
    return None, None


def _name_of(found: Any) -> str | None:
    if not callable(found):
        return None
    try:
        name = from_function(found) or _BY_NAME.get(found)
        own_choice = None if name else computed_by(found)
    except TypeError:
        return None  # not hashable
    if own_choice is not None:
        return own_choice.activation
    own = str(getattr(found, "__name__", ""))
    if name is None and own.endswith("_") and found in _in_place(own):
        bare = own.removesuffix("_")
        return next(filter(None, map(from_function, _in_place(bare))), None)
    return name


def _in_place(name: str) -> tuple[Any, ...]:
    homes: tuple[Any, ...] = (F, torch, torch.Tensor)
    return tuple(getattr(home, name) for home in homes if hasattr(home, name))


@remembered(maxsize=4096)
def _functions(method: Method) -> tuple[Site, ...]:
    return tuple(_found_in(method))


def _found_in(method: Method) -> Iterator[Site]:
    for node in _calls(method):
        name, _ = activation_of(node.func, method)
        if method.resolve(node.func) is F.glu:
            yield site_at(method, node, parents(method.tree), name="glu", activation="sigmoid", what="glu")
        elif name is not None:
            is_method = isinstance(node.func, ast.Attribute) and method.resolve(node.func) is None
            if not is_method or not (node.args or node.keywords):
                yield site_at(method, node, parents(method.tree), name=name, activation=name)


class Product(NamedTuple):
    """A product of two, however it is written: a * b, torch.mul(a, b), a.mul_(b), operator.mul(a, b), a *= b.

    Attributes:
        left: The first factor.
        right: The other one.
        in_place: Whether the first factor holds the product afterwards.
    """

    left: ast.expr
    right: ast.expr
    in_place: bool

    @classmethod
    def of(cls, node: ast.AST, method: Method) -> "Product | None":
        """Return the product that a node of a method's source is; None for anything else."""
        match node:
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                return cls(left, right, False)
            case ast.AugAssign(target=left, op=ast.Mult(), value=right):
                return cls(left, right, True)
            case ast.Call(func=function, args=args, keywords=keywords):
                name, receiver = _multiplying(function, method)
                named = {each.arg: each.value for each in keywords}
                given = [*receiver, *args, *(named.pop(key) for key in ("input", "other") if key in named)]
                plain = not named and not any(isinstance(each, ast.Starred) for each in given)
                if name and plain and len(given) == 2:
                    return cls(given[0], given[1], name == "imul" or name.endswith("_"))
        return None


def _multiplying(function: ast.expr, method: Method) -> tuple[str, list[ast.expr]]:
    """Return the name of what multiplies, and the tensor whose method it is; "" for anything else."""
    found = method.resolve(function)
    if found is not None:
        homes: tuple[Any, ...] = (torch, torch.Tensor, operator)
        known = ((name, getattr(home, name, None)) for home in homes for name in _MULTIPLYING)
        return next((name for name, each in known if each is found), ""), []
    if not isinstance(function, ast.Attribute) or function.attr not in _MULTIPLYING:
        return "", []
    of_tensor = not method.is_own(function.value) and method.resolve(function.value) is None
    return (function.attr, [function.value]) if of_tensor else ("", [])


def _factors(method: Method) -> Iterator[tuple[Site, ast.expr, ast.expr]]:
    around = parents(method.tree)
    for node in in_order(method.tree):
        if (product := Product.of(node, method)) is not None:
            left, right = _value(product.left, method), _value(product.right, method)
            if left is not None and right is not None:
                sides = ((product.left, left, right), (product.right, right, left))
                for side, own, other in sides[product.in_place :]:  # what is written into stays what it is
                    name = f"{_last_name(side)}_factor"
                    known = {"name": name, "activation": "identity", "what": "factor"}
                    yield site_at(method, side, around, **known), own, other
        elif isinstance(node, ast.Call) and node.args and method.resolve(node.func) is F.glu:
            given = node.args[0]
            if not (isinstance(given, ast.Call) and method.resolve(given.func) is F.glu):
                known = {"name": "glu_factor", "activation": "identity", "what": "half"}
                yield site_at(method, given, around, **known), given, node


def _value(side: ast.expr, method: Method) -> ast.Call | None:
    """Return the call that a factor is, or that its name is bound to there; None for anything else."""
    found = _bound_there(side, method.tree) if isinstance(side, ast.Name) else side
    return found if isinstance(found, ast.Call) else None


def called_behind(node: Any, method: Method) -> str:
    """Return the layer NAME whose result self.NAME(...) a factor is, or a part or view of it; "" for none."""
    seen = set[Any]()
    while node is not None and node not in seen:
        seen.add(node)
        function = getattr(node, "func", node)
        if node is not function and method.is_own(getattr(function, "value", node)):
            return str(function.attr)
        known = isinstance(node, ast.Name)
        node = _bound_there(node, method.tree) if known else getattr(function, "value", None)
    return ""


def _bound_there(name: ast.Name, tree: ast.FunctionDef) -> Any:
    """Return what a name is bound to where it stands: once, or last of several times one after the other."""
    bound = [node for node in ast.walk(tree) if name.id in _bound_by(node)]
    if len(bound) == 1:
        return getattr(bound[0], "value", None)
    around = parents(tree)
    steps: list[Any] = [node for node in bound if around[node] is not tree.args]  # arguments come first
    stands: Any = next(each for each in (name, *ancestors(name, around)) if around.get(each) is tree)
    if any(node not in tree.body for node in (*steps, stands)):
        return None
    before = [node for node in steps if tree.body.index(node) < tree.body.index(stands)]
    return before[-1].value if before and isinstance(before[-1], ast.Assign) else None


def _bound_by(node: ast.AST) -> set[str]:
    """Return the names that a statement or an argument binds."""
    if isinstance(node, ast.arg):
        return {node.arg}
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    return {
        each.id for target in targets if target for each in ast.walk(target) if isinstance(each, ast.Name)
    }


def _last_name(side: ast.expr) -> str:
    function = getattr(side, "func", side)
    return getattr(function, "attr", None) or getattr(function, "id", None) or "product"


def _attributes(method: Method, attribute: str) -> Iterator[Site]:
    for node in _calls(method):
        if isinstance(node.func, ast.Attribute) and node.func.attr == attribute:
            if method.is_own(node.func.value):
                yield site_at(method, node, parents(method.tree), name=attribute, attribute=attribute)


@lru_cache(maxsize=4096)
def _calls(method: Method) -> tuple[ast.Call, ...]:
    return tuple(node for node in in_order(method.tree) if isinstance(node, ast.Call))


def site_at(method: Method, node: ast.expr, around: dict[ast.AST, ast.AST], **known: Any) -> Site:
    """Return a call in a method as a site.

    Args:
        method: In which it stands.
        node: The call.
        around: The node above each node of the method.
        **known: What else is known of the site.
    """
    above = list(ancestors(node, around))
    return Site(
        method=method,
        node=node,
        call=Call(ast.unparse(getattr(node, "func", node)), method.file, node.lineno),
        discarded=isinstance(above[0], ast.Expr),
        loop=any(isinstance(each, LOOPS) for each in above),
        trouble=_trouble(method, above),
        **known,
    )


def _trouble(method: Method, above: list[ast.AST]) -> str | None:
    if method.static:
        return f"{method.name} is a property, a class method or a static method"
    for each in above[:-1]:
        if isinstance(each, ast.ClassDef):
            return f"it stands in the class {each.name} inside {method.name}"
        if isinstance(each, ast.FunctionDef | ast.Lambda | ast.AsyncFunctionDef):
            arguments = (*each.args.posonlyargs, *each.args.args, *each.args.kwonlyargs)
            if method.own_name in {argument.arg for argument in arguments}:
                return f"{method.own_name} is something else there"
    return None


def numbered(kind: type, found: list[Site]) -> tuple[Site, ...]:
    """Name the layers of calls by a number each, under names that the class has no use for.

    A call in a method that runs several times is one in a loop.
    """
    found = [replace(site, loop=site.loop or is_repeated(kind, site.method)) for site in found]
    names = named(found, attribute_names(kind))
    return tuple(
        replace(site, layer=layer, name=name, written=name)
        for site, (layer, name) in zip(found, names, strict=True)
    )


@lru_cache(maxsize=512)
def attribute_names(kind: type) -> set[str]:
    """Return every name that a class has, or that its methods ask the object for."""
    written = [*methods(kind).values(), *constructors(kind)]
    return {name for method in written for name in mentioned(method)} | set(dir(kind))


@lru_cache(maxsize=4096)
def mentioned(method: Method) -> list[str]:
    """Return the attributes of its object that a method reads."""
    return [
        node.attr
        for node in ast.walk(method.tree)
        if isinstance(node, ast.Attribute) and method.is_own(node.value)
    ]


@lru_cache(maxsize=512)
def is_repeated(kind: type, method: Method) -> bool:
    """Tell whether forward calls a method more than once."""
    known = methods(kind)
    return (
        method.name != "forward"
        and sum(mentioned(known[name]).count(method.name) for name in reached(kind)) > 1
    )
