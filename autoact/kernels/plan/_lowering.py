"""The second step of a plan: straight-line code over kernels that the members share, for any printer.

Every primitive that has a cheaper form over shared kernels is replaced by it (`Primitive.lowered`), and each
function, once computed, has a name: no printer computes the exponential of an expression twice. Weights of
exactly 0 are masked here, so a back end that evaluates the program needs no masks of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

import sympy as sp
from sympy.logic.boolalg import Boolean
from sympy.simplify.cse_main import tree_cse

from autoact._cache import remembered
from autoact.activations import X
from autoact.activations import primitives as p
from autoact.kernels.plan._basis import finite_at_infinity, grows_faster_than_linearly, slope
from autoact.kernels.plan._plan import Plan

# Functions whose kernels take any number, infinity too: a limit inside is for autograd, and would cost two
# instructions in the value and hide that the value and the slope share a function.
_SETTLING: tuple[type, ...] = (
    *(sp.exp, sp.erf, sp.erfc, sp.atan, p.exp, p.expm1, p.sigmoid, p.tanh, p.softplus),
    *(p.step, p.below, p.sign),
)


@dataclass(frozen=True, slots=True)
class Program:
    """Straight-line code of an elementwise kernel.

    Expressions hold numbers, symbols, `+ * **` (integer exponents, 1/2 and -1/2), conditions, SymPy's own
    functions (sin, cos, atan, erf, ...) and the primitives that have no cheaper form: decay, decay1, bell,
    exp, expm1, log1p, pos, neg, absolute, sign, step, below, window, clip, select, guard, finite, opaques.

    Args:
        arguments: x, then the coefficients.
        steps: (name, expression over x, coefficients and earlier names), in order.
        outputs: Expressions over all of these; y, or dy/dx and dy/dc_0 ... dy/dc_{M-1}.
    """

    arguments: tuple[sp.Symbol, ...]
    steps: tuple[tuple[sp.Symbol, sp.Expr], ...]
    outputs: tuple[sp.Expr, ...]


@remembered(maxsize=512)
def forward_program(plan: Plan) -> Program:
    """Return (x, *coefficients) -> (y,).

    Example:
        >>> from autoact.kernels import plan_for
        >>> program = forward_program(plan_for(("relu", "sigmoid")))
        >>> [str(s) for s in program.arguments]
        ['x', 'c0', 'c1']
    """
    code = _Code()
    y = sp.Add(*(_live(c, code.named(plan.masked(f, c)), f) for c, f in plan.pairs))
    return code.program(plan, [y])


@remembered(maxsize=512)
def backward_program(plan: Plan) -> Program:
    """Return (x, *coefficients) -> (dy/dx, dy/dc_0, ..., dy/dc_{M-1})."""
    code = _Code()
    inner = plan.coefficient_symbols[len(plan.pairs) :]
    in_x, *in_parameters = (
        sp.Add(*(_derivative(code, plan.masked(f, c), c, variable) for c, f in plan.pairs))
        for variable in (X, *inner)
    )
    raw = [code.named(p.finite(f) if grows_faster_than_linearly(f) else f) for f in plan.basis.functions]
    return code.program(plan, [in_x, *raw, *in_parameters])


def _live(c: sp.Symbol, named: sp.Expr, function: sp.Expr) -> sp.Expr:
    """Return c times a function; exactly 0 where c is 0, though 0 times infinity is not a number."""
    if finite_at_infinity(function):
        return c * named
    return p.select(sp.Ne(c, 0), c * named, sp.Integer(0))


def _derivative(code: _Code, function: sp.Expr, c: sp.Symbol, variable: sp.Symbol) -> sp.Expr:
    found = slope(function, variable)
    return sp.Integer(0) if found == 0 else _live(c, code.named(found), found)


class _Code:
    """Steps as they are found; equal expressions get one name."""

    def __init__(self) -> None:
        self._steps: list[tuple[sp.Symbol, sp.Expr]] = []
        self._names: dict[sp.Expr, sp.Symbol] = {}
        self._fresh = (sp.Symbol(f"t{i}", real=True) for i in count())

    def named(self, expression: sp.Expr) -> sp.Expr:
        """Return the name of an expression once lowered; atoms stay."""
        value = self._lowered(expression)
        if value.is_Atom:
            return value
        if value not in self._names:
            self._names[value] = next(self._fresh)
            self._steps.append((self._names[value], value))
        return self._names[value]

    def program(self, plan: Plan, outputs: list[sp.Expr]) -> Program:
        """Return all steps, subtrees that several of them share once, in an order that can be run."""
        names = [name for name, _ in self._steps]
        shared, reduced = tree_cse([*(value for _, value in self._steps), *outputs], self._fresh)
        values = dict([*shared, *zip(names, reduced, strict=False)])
        aliases = {name: value for name, value in values.items() if value.is_Symbol}
        values = {name: value.xreplace(aliases) for name, value in values.items()}
        results = [e.xreplace(aliases) for e in reduced[len(names) :]]
        order: dict[sp.Symbol, None] = {}
        for result in results:
            _visit(result, values, order)
        steps = tuple((name, values[name]) for name in order)
        return Program((X, *plan.coefficient_symbols), steps, tuple(results))

    def _lowered(self, e: sp.Expr) -> sp.Expr:
        if not e.args:
            return e
        if e.is_number:
            return sp.Float(e.evalf(20), 17)
        if type(e) in _SETTLING:
            e = e.replace(p.limited, lambda u, _: u)
        if isinstance(e, sp.exp):
            return self._lowered(p.exp(e.args[0]))
        cheaper = e.lowered() if isinstance(e, p.Primitive) else None
        if cheaper is not None:
            return self.named(cheaper)
        if isinstance(e, sp.Pow) and (2 * e.exp).is_Integer and not e.exp.is_Integer:
            return self._root_power(e)
        arguments = [self._lowered(a) for a in e.args]
        if isinstance(e, (sp.Add, sp.Mul, sp.Pow, Boolean)):
            return e.func(*arguments)
        return self._call(e.func(*arguments))

    def _call(self, e: sp.Expr) -> sp.Expr:
        """Return the name of a function call whose arguments are lowered already."""
        if e not in self._names and not e.is_Atom:
            self._names[e] = next(self._fresh)
            self._steps.append((self._names[e], e))
        return self._names.get(e, e)

    def _root_power(self, e: sp.Pow) -> sp.Expr:
        """Write u^(n/2) as a power of one square root, or of its inverse."""
        half = sp.Rational(1, 2) if e.exp > 0 else -sp.Rational(1, 2)
        root = self._call(self._lowered(e.base) ** half)
        return root ** int(e.exp / half)


def _visit(e: sp.Expr, values: dict[sp.Symbol, sp.Expr], order: dict[sp.Symbol, None]) -> None:
    """Put the names that an expression needs into the order, what they need before them."""
    for name in sorted(e.free_symbols & values.keys() - order.keys(), key=lambda s: int(s.name[1:])):
        _visit(values[name], values, order)
        order[name] = None
