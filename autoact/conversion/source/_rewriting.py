"""Rewritten classes: calls of activations become calls of layers, compiled from the source of the methods.

Only the calls change; control flow, arguments, closures, decorators, super() and line numbers stay. A module
gets such a class in place of its own, as a subclass of the same name, which pickle makes again by the recipe.
"""

import ast
import copy
from abc import ABCMeta
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from itertools import product
from math import prod
from types import CodeType, FunctionType
from typing import Any, NamedTuple

from torch import Tensor, nn

from autoact.conversion.source._call_arguments import input_of
from autoact.conversion.source._call_sites import Site, sites, uses
from autoact.conversion.source._methods import Method
from autoact.conversion.source._turns import Pass, Turn, loops_around, of_turn
from autoact.errors import ConversionError

_COUNTER = "_autoact_counter"  # on a loop's node: the name of the variable that counts its turns


class Opened(NamedTuple):
    """A call that goes to a layer: its site, the attribute or "", whether in place, the layer, the turn."""

    name: str
    attribute: str
    in_place: bool
    layer: str
    turn: Turn = ()


def own_class(module: nn.Module) -> type:
    """Return the class that a module had before any of its calls was rewritten."""
    return getattr(type(module), "_autoact_base", type(module))


def opened(module: nn.Module) -> tuple[Opened, ...]:
    """Return the calls of a module that were rewritten."""
    return getattr(type(module), "_autoact_opened", ())


def open_call(module: nn.Module, call: Opened) -> None:
    """Let a call in a module's source go to the layer of its name."""
    calls = tuple(sorted({*opened(module), call}))
    object.__setattr__(module, "__class__", rewritten(own_class(module), calls))


@lru_cache(maxsize=512)
def rewritten(base: type, calls: tuple[Opened, ...]) -> type:
    """Return a subclass whose methods call layers in place of activations.

    Raises:
        ConversionError: A method that cannot be compiled anew, or a call that its source does not have.
    """
    chosen: dict[Any, tuple[Site, list[Opened]]] = {}
    for call in calls:
        site = _site(base, call)
        chosen.setdefault(site.where, (site, []))[1].append(call)
    names = {site.method.name: site.method for site, _ in chosen.values()}
    changed = {name: recompiled(method, chosen) for name, method in names.items()}
    described = {key: getattr(base, key, None) for key in ("__module__", "__qualname__", "__doc__")}
    ours = {
        "_autoact_base": base,
        "_autoact_opened": calls,
        "_autoact_in_place": staticmethod(_in_place),
        "_autoact_of_turn": staticmethod(of_turn),
        "__reduce_ex__": _reduce,
    }
    return _subclass(base, {**described, **ours, **changed})


class _Unannounced(nn.Module):
    """First base of a generated class: keeps `__init_subclass__` of users' classes from running for it.

    A module itself, or instances of the user's class could not become instances of the generated one.
    """

    __slots__ = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Do nothing: a registry of classes must not take the generated one for the user's."""


def _subclass(base: type, attributes: dict[str, Any]) -> type:
    """Return a subclass of the same name without running what users run for each class they define."""
    make = ABCMeta if issubclass(type(base), ABCMeta) else type
    return make.__new__(type(base), base.__name__, (_Unannounced, base), attributes)


def _site(base: type, call: Opened) -> Site:
    known = uses(base, call.attribute) if call.attribute else sites(base)
    for site in known:
        if site.name == call.name:
            return site
    raise ConversionError(f"The source of {base.__name__} has no call named {call.name!r}.")


def _in_place(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Do what torch's in-place activations do: x itself changes, whoever else holds it."""
    return x.copy_(layer(x.clone()))


def _reduce(self: nn.Module, protocol: Any) -> Any:
    """Return how to make a copy: the generated class has no name to be found by, so it is made again."""
    kind: Any = next(each for each in type(self).__mro__ if "_autoact_opened" in vars(each))
    function, arguments, *rest = super(kind, self).__reduce_ex__(protocol)
    if not arguments or arguments[0] is not kind:
        return function, arguments, *rest
    return _make, (own_class(self), tuple(map(tuple, opened(self))), *arguments[1:]), *rest


def _make(base: type, calls: Iterable[tuple[Any, ...]], *arguments: Any) -> Any:
    opened = (Opened(*call[:4], tuple(Pass(*step) for step in call[4])) for call in calls)
    kind = rewritten(base, tuple(opened))
    return kind.__new__(kind, *arguments)


class _Replace(ast.NodeTransformer):
    """Puts calls of layers in place of calls of activations, and counts the turns of loops."""

    def __init__(self, method: Method, chosen: dict[Any, tuple[Site, list[Opened]]]) -> None:
        self.method, self.chosen = method, chosen

    def visit_Call(self, node: ast.Call) -> ast.AST:
        where = (self.method.name, node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
        if where not in self.chosen:
            return self.generic_visit(node)
        site, calls = self.chosen[where]
        as_it_was = self.generic_visit(copy.deepcopy(node))
        layer, given = self._layer(site, calls), self.visit(input_of(replace(site, node=node)))
        made: ast.expr = (
            ast.Call(self._own("_autoact_in_place"), [layer, given], [])
            if calls[0].in_place
            else ast.Call(layer, [given], [])
        )
        if len(calls) < prod(step.size for step in calls[0].turn):
            made = ast.IfExp(copy.deepcopy(layer), made, as_it_was)
        return ast.fix_missing_locations(ast.copy_location(made, node))

    def visit_For(self, node: ast.For) -> ast.AST:
        return self._counted(node)

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        return self._counted(node)

    def _counted(self, loop: Any) -> ast.AST:
        self.generic_visit(loop)
        if counter := getattr(loop, _COUNTER, None):
            loop.iter = ast.copy_location(
                ast.Call(ast.Name("enumerate", ast.Load()), [loop.iter], []), loop.iter
            )
            both = ast.Tuple([ast.Name(counter, ast.Store()), loop.target], ast.Store())
            loop.target = ast.copy_location(both, loop.target)
            ast.fix_missing_locations(loop.iter)
            ast.fix_missing_locations(loop.target)
        return loop

    def _layer(self, site: Site, calls: list[Opened]) -> ast.expr:
        """Return the expression for the layer of a call: an attribute, or that of the turn of its loops."""
        turn = calls[0].turn
        if not turn:
            return self._own(calls[0].layer)
        by_turn = {call.turn: call.layer for call in calls}
        every = product(*([step._replace(number=at) for at in range(step.size)] for step in turn))
        constants = (str(site.call), tuple(map(by_turn.get, every)), tuple(step.size for step in turn))
        counters = [ast.Name(_counter(step.loop, site), ast.Load()) for step in turn]
        given = [ast.Name(self.method.own_name, ast.Load()), *map(ast.Constant, constants), *counters]
        return ast.Call(self._own("_autoact_of_turn"), given, [])

    def _own(self, name: str) -> ast.Attribute:
        return ast.Attribute(ast.Name(self.method.own_name, ast.Load()), name, ast.Load())


def _counter(loop: int, site: Site) -> str:
    """Return the name of the variable that counts one of the loops around a call."""
    around = loops_around(site.method, site.node)[loop]
    every = [each for each in ast.walk(site.method.tree) if isinstance(each, ast.For | ast.comprehension)]
    return f"_autoact_turn_{every.index(around) + 1}"


def recompiled(method: Method, chosen: dict[Any, tuple[Site, list[Opened]]]) -> Any:
    """Return a method with some of its calls replaced, inside its decorators."""
    copies: dict[int, Any] = {}
    tree = copy.deepcopy(method.tree, copies)
    for site, calls in chosen.values():
        for step in calls[0].turn if site.method is method else ():
            loop = loops_around(method, site.node)[step.loop]
            setattr(copies[id(loop)], _COUNTER, _counter(step.loop, site))
    tree = _Replace(method, chosen).visit(tree)
    decorators, tree.decorator_list = tree.decorator_list, []
    made = _function(method, _code(method, tree))
    for decorator in reversed(decorators):
        made = _decorated(decorator, method, made)
    return made


def _code(method: Method, tree: ast.FunctionDef) -> CodeType:
    """Compile a method where it would stand: in its class (for private names), inside what it closes over."""
    code = method.function.__code__
    names = ", ".join(name for name in code.co_freevars if name != "__class__")
    frame = ast.parse(f"def outside({names}):\n class {method.owner.__name__}:\n  pass")
    function: Any = frame.body[0]
    function.body[0].body = [tree]
    compiled = compile(frame, code.co_filename, "exec", dont_inherit=True)
    for name in ("outside", method.owner.__name__, tree.name):
        compiled = next(
            each for each in compiled.co_consts if isinstance(each, CodeType) and each.co_name == name
        )
    return compiled


def _function(method: Method, code: CodeType) -> FunctionType:
    old = method.function
    cells = dict(zip(old.__code__.co_freevars, old.__closure__ or (), strict=True))
    closure = tuple(cells[name] for name in code.co_freevars)
    new = FunctionType(code, old.__globals__, old.__name__, old.__defaults__, closure)
    new.__kwdefaults__, new.__annotations__ = old.__kwdefaults__, old.__annotations__
    new.__qualname__, new.__module__, new.__doc__ = old.__qualname__, old.__module__, old.__doc__
    vars(new).update(vars(old))
    return new


def _decorated(decorator: ast.expr, method: Method, made: Any) -> Any:
    apply = _evaluated(decorator, method)
    try:
        return apply(made)
    except Exception as error:  # a user's decorator runs a second time here, and may refuse for any reason
        why = f"{type(error).__name__}: {error}"
        raise ConversionError(
            f"its decorator @{ast.unparse(decorator)} cannot be applied again: {why}"
        ) from error


def _evaluated(decorator: ast.expr, method: Method) -> Any:
    """Return a decorator by evaluating it again where its class was defined."""
    old = method.function
    inside = zip(old.__code__.co_freevars, old.__closure__ or (), strict=True)
    code = compile(ast.Expression(decorator), old.__code__.co_filename, "eval")
    try:
        cells = {name: cell.cell_contents for name, cell in inside if name != "__class__"}
        return eval(code, {**old.__globals__, **cells})
    except Exception as error:  # evaluating it may call a user's function, which may raise anything
        raise ConversionError(f"its decorator @{ast.unparse(decorator)} is not at hand: {error}") from error
