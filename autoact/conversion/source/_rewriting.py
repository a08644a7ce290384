"""Rewritten classes: calls of activations become calls of layers, compiled from the source of the methods.

Only the calls change; control flow, arguments, closures, decorators, super() and line numbers stay. A module
gets such a class in place of its own, as a subclass of the same name, which pickle makes again by the recipe.
"""

import ast
import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import product
from math import prod
from types import MappingProxyType
from typing import Any, NamedTuple

from torch import nn

from autoact.conversion.source._branches import parents
from autoact.conversion.source._call_arguments import input_of
from autoact.conversion.source._call_sites import Site, factors, sites, uses
from autoact.conversion.source._maxout import maxima, operands
from autoact.conversion.source._methods import Method
from autoact.conversion.source._standalone import plain_class, reduced, remade, subclass
from autoact.conversion.source._turns import Turn, loops_around
from autoact.errors import ConversionError

_ORIGINALS = "_autoact_originals"
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
    return tuple(Opened(*call) for call in getattr(type(module), "_autoact_opened", ()))


def originals(module: nn.Module) -> Mapping[str, Any]:
    """Return what a module's attributes held before activations were put there, by name."""
    return MappingProxyType(vars(module).get(_ORIGINALS, {}))


def keep_original(module: nn.Module, name: str) -> None:
    """Keep what an attribute holds before an activation is put there, unless that has tensors."""
    present = vars(module).get(name, module._modules.get(name))
    tensors = [*present.parameters(), *present.buffers()] if isinstance(present, nn.Module) else []
    ours = {*originals(module), *(call.layer for call in opened(module))}
    if present is not None and not tensors and name not in ours:
        vars(module)[_ORIGINALS] = {**originals(module), name: present}


def forget_originals(module: nn.Module) -> None:
    """Keep nothing any more."""
    vars(module).pop(_ORIGINALS, None)


def site_of(module: nn.Module, call: Opened) -> Site:
    """Return where a rewritten call stands in the source."""
    return _site(own_class(module), call)


def open_call(module: nn.Module, call: Opened) -> None:
    """Let a call in a module's source go to the layer of its name."""
    calls = tuple(sorted({*opened(module), call}))
    object.__setattr__(module, "__class__", rewritten(own_class(module), calls))


def leave_open(module: nn.Module, calls: Iterable[Opened]) -> None:
    """Let these calls go to layers and all others be as they are written; pickles then need no autoact."""
    base, calls = own_class(module), tuple(sorted(calls))
    texts = tuple((name, ast.unparse(tree)) for name, (_, tree) in _trees(base, calls).items())
    object.__setattr__(module, "__class__", plain_class(base, calls, texts) if calls else base)


_COPYING = {  # of what changes in place around a module: its forward
    "itself": "def forward(self, input):\n    return self._autoact_in_place(self._autoact_forward, input)",
    "input": "def forward(self, input):\n    return self._autoact_forward(input.clone())",
    "result": "def forward(self, input):\n    return self._autoact_forward(input).clone()",
}


def let_copy(module: nn.Module, what: str) -> None:
    """Let one of torch's modules copy what its neighbors change: "itself", its "input" or its "result"."""
    base = type(module)
    vars(module)["in_place"] = what  # another choice in its place has to do the same
    object.__setattr__(module, "__class__", plain_class(base, (), (("forward", _COPYING[what]),)))


@lru_cache(maxsize=512)
def rewritten(base: type, calls: tuple[Opened, ...]) -> type:
    """Return a subclass whose methods call layers in place of activations.

    Raises:
        ConversionError: A method that cannot be compiled anew, or a call that its source does not have.
    """
    changed = {name: _compiled(method, tree) for name, (method, tree) in _trees(base, calls).items()}
    ours = {
        "_autoact_opened": calls,
        "__reduce_ex__": _reduce,
        "__prepare_scriptable__": _refuse,
    }
    return subclass(base, {**ours, **changed})


def _trees(base: type, calls: tuple[Opened, ...]) -> dict[str, tuple[Method, ast.FunctionDef]]:
    """Return the methods in which calls stand, each with its syntax as these calls change it."""
    chosen: dict[Any, tuple[Site, list[Opened]]] = {}
    for call in calls:
        site = _site(base, call)
        chosen.setdefault(site.where, (site, []))[1].append(call)
    found = {site.method.name: site.method for site, _ in chosen.values()}
    return {name: (method, _replaced(method, chosen)) for name, method in found.items()}


def _site(base: type, call: Opened) -> Site:
    known = uses(base, call.attribute) if call.attribute else sites(base)
    for site in (*known, *(site for site, *_ in factors(base)), *maxima(base)):
        if site.name == call.name:
            return site
    raise ConversionError(f"The source of {base.__name__} has no call named {call.name!r}.")


def _reduce(self: nn.Module, protocol: Any) -> Any:
    """Return how to make a copy: the generated class has no name to be found by, so it is made again."""
    found = reduced(self, protocol)
    if isinstance(found, str):
        return found
    kind, made_by, rest = found
    return _make, (*made_by, kind._autoact_base, tuple(map(tuple, kind._autoact_opened))), *rest


def _make(function: Callable[..., Any], arguments: Iterable[Any], base: type, calls: Any) -> Any:
    made = function(*arguments)
    object.__setattr__(made, "__class__", rewritten(base, tuple(Opened(*call) for call in calls)))
    return made


def _refuse(self: nn.Module) -> Any:
    raise ConversionError(
        f"TorchScript reads the source of {type(self).__name__} as it is written, with the original's "
        "activations. Call autoact.finalize(model) first, then torch.jit.script(model)."
    )


class _Replace(ast.NodeTransformer):
    """Puts calls of layers in place of calls of activations, and counts the turns of loops."""

    def __init__(self, method: Method, chosen: dict[Any, tuple[Site, list[Opened]]]) -> None:
        self.method, self.chosen = method, chosen

    def visit(self, node: ast.AST) -> Any:
        if not isinstance(node, ast.expr):
            return super().visit(node)
        where = (self.method.name, node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
        return self._rewritten(node, *self.chosen[where]) if where in self.chosen else super().visit(node)

    def _rewritten(self, node: ast.expr, site: Site, calls: list[Opened]) -> ast.AST:
        as_it_was: Any = self.generic_visit(copy.deepcopy(node))
        own, layer = input_of(replace(site, node=node)), self._layer(site, calls)
        given = as_it_was if own is node else self.visit(own)
        made: ast.expr = ast.Call(layer, [given], [])
        if calls[0].in_place:
            made = ast.Call(self._own("_autoact_in_place"), [layer, given], [])
        elif site.what in ("glu", "half"):
            whole: Any = as_it_was if site.what == "glu" else parents(self.method.tree)[site.node]
            rest = copy.deepcopy(whole)
            dim = [keyword for keyword in rest.keywords if keyword.arg == "dim"]
            made = ast.Call(self._own(f"_autoact_{site.what}"), [layer, given, *rest.args[1:]], dim)
        elif site.what == "maxout":
            made = ast.Call(
                self._own("_autoact_maxout"), [layer, *(operands(as_it_was, self.method) or ())], []
            )
        if len(calls) < prod(size for _, size, _ in calls[0].turn):
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
        every = product(*([(loop, size, at) for at in range(size)] for loop, size, _ in turn))
        constants: tuple[Any, ...] = (
            str(site.call),
            tuple(map(by_turn.get, every)),
            tuple(size for _, size, _ in turn),
        )
        counters = [ast.Name(_counter(loop, site), ast.Load()) for loop, _, _ in turn]
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
    return _compiled(method, _replaced(method, chosen))


def _replaced(method: Method, chosen: dict[Any, tuple[Site, list[Opened]]]) -> ast.FunctionDef:
    copies: dict[int, Any] = {}
    tree: ast.FunctionDef = copy.deepcopy(method.tree, copies)
    for site, calls in chosen.values():
        for loop, _, _ in calls[0].turn if site.method is method else ():
            setattr(copies[id(loops_around(method, site.node)[loop])], _COUNTER, _counter(loop, site))
    changed: ast.FunctionDef = _Replace(method, chosen).visit(tree)
    return changed


def _compiled(method: Method, tree: ast.FunctionDef) -> Any:
    try:
        return remade(tree, method.owner.__name__, method.function, method.function.__code__.co_filename)
    except ValueError as error:
        raise ConversionError(str(error)) from error
