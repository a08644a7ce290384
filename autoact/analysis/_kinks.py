"""Kinks: points where a function is not smooth, and how smooth it is there."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

import numpy as np
import sympy as sp
from scipy.optimize import brentq
from sympy.core.relational import Relational

from autoact.activations import X
from autoact.activations import primitives as p
from autoact.activations.primitives import elementary
from autoact.analysis._subject import Analyzable, Subject, subject
from autoact.errors import ConfigurationError

HIGHEST_ORDER = 8
_SCAN = np.linspace(-50.0, 50.0, 20_001)
PIECEWISE = (p.pos, p.neg, p.absolute, p.sign, p.step, p.below, p.clip, p.window)


def smoothness(act: Analyzable, *, up_to: int = HIGHEST_ORDER, **parameters: float) -> int | float:
    """Return k for a function in C^k but not C^(k+1); math.inf for a smooth one, -1 for a jump.

    Exact: at every kink the derivatives of the pieces on both sides are compared, so it depends on parameter
    values, and kinks of a mixture may cancel.

    Args:
        act: Anything that `subject` takes and that has a formula.
        up_to: Highest derivative to compare; a function that has this many counts as smooth. High ones take
            seconds where pieces are long.
        **parameters: Parameter values of a single activation.

    Raises:
        ConfigurationError: A torch callable, which has no formula.

    Example:
        >>> smoothness("elu"), smoothness("elu", alpha=0.5), smoothness({"elu": 1.0, "tanh": 0.5})
        (1, 0, 1)
        >>> smoothness("silu")
        inf
    """
    return min((order for _, order in _orders(_with_formula(act, parameters), up_to)), default=math.inf)


def kinks(act: Analyzable, *, up_to: int = HIGHEST_ORDER, **parameters: float) -> list[float]:
    """Return the points where a function is not smooth, sorted.

    Args:
        act: Anything that `subject` takes and that has a formula.
        up_to: Highest derivative to compare.
        **parameters: Parameter values of a single activation.

    Raises:
        ConfigurationError: A torch callable, which has no formula.

    Example:
        >>> kinks("relu6"), kinks("elu"), kinks("tanh")
        ([0.0, 6.0], [0.0], [])
    """
    return [at for at, order in _orders(_with_formula(act, parameters), up_to) if order < up_to]


def _with_formula(act: Analyzable, parameters: dict[str, float]) -> Subject:
    made = subject(act, **parameters)
    if made.opaque:
        raise ConfigurationError(
            f"{act} is a torch callable: its smoothness cannot be computed. Write it as a SymPy expression."
        )
    return made


@lru_cache(maxsize=512)
def _orders(of: Subject, up_to: int) -> list[tuple[float, int | float]]:
    points = _with_gaps(boundaries(of))
    return [(at, _order_at(of.expression, at, gap, up_to)) for at, gap in points]


def boundaries(of: Subject) -> list[float]:
    """Return the points where a piece ends, sorted; some may turn out smooth."""
    found = {root for node in sp.preorder_traversal(of.expression) for u in _ends(node) for root in roots(u)}
    return sorted({round(root, 14) + 0.0 for root in found})


def _ends(node: sp.Basic) -> set[sp.Expr]:
    """Return what is zero where a node changes its piece."""
    if isinstance(node, (p.clip, p.window)):
        u, low, high = node.args
        return {u - low, u - high}
    if isinstance(node, PIECEWISE):
        return {node.args[0]}
    if isinstance(node, (p.select, p.guard)):
        return {r.lhs - r.rhs for r in node.args[0].atoms(Relational)}
    if isinstance(node, sp.Pow) and not (node.exp.is_Integer and node.exp.is_nonnegative):
        return {node.base}
    return set()


@lru_cache(maxsize=2048)
def roots(u: sp.Expr) -> tuple[float, ...]:
    """Return the real zeros of an expression in x: all of a polynomial's, others' within [-50, 50]."""
    if not u.has(X):
        return ()
    return _polynomial_roots(u) if u.is_polynomial(X) else _scanned_roots(u)


def _polynomial_roots(u: sp.Expr) -> tuple[float, ...]:
    exact = sp.Poly(_exact(u), X)
    simple = exact.sqf_part() if exact.domain in (sp.ZZ, sp.QQ) else exact
    found = simple.nroots(maxsteps=500)
    return tuple(float(sp.re(r)) for r in found if abs(sp.im(r)) <= 1e-12 * (1 + abs(r)))


def _scanned_roots(u: sp.Expr) -> tuple[float, ...]:
    f = Subject(u)
    values = f(_SCAN)
    zero = values == 0
    inner = zero[1:-1] & zero[:-2] & zero[2:]  # of a stretch of zeros only the ends are boundaries
    isolated = zero & ~np.concatenate([[False], inner, [False]])
    crossing = np.flatnonzero(values[:-1] * values[1:] < 0)
    crossed = (brentq(lambda x: float(f(np.array(x))), _SCAN[i], _SCAN[i + 1], xtol=1e-14) for i in crossing)
    return (*map(float, _SCAN[isolated]), *map(float, crossed))


def _with_gaps(points: list[float]) -> list[tuple[float, float]]:
    """Pair each kink with a distance within which there is no other."""
    between = [b - a for a, b in pairwise(points)]
    beside = zip([math.inf, *between], [*between, math.inf], strict=True)
    return [(x, 0.25 * min(1.0, *near)) for x, near in zip(points, beside, strict=False)]


def _order_at(expression: sp.Expr, at: float, gap: float, highest: int) -> int | float:
    """Return the number of derivatives that agree at a kink, minus one."""
    point = sp.Rational(at).limit_denominator(10**12)
    left, right = (
        _without_surds_below(_exact(elementary(piece(expression, at + side * gap)))) for side in (-1, 1)
    )
    for order in range(highest + 1):
        a, b = (_value(sp.diff(each, X, order), point, side) for each, side in ((left, "-"), (right, "+")))
        if not (a.is_finite and b.is_finite) or abs(a - b) > 1e-9 * (1 + abs(a) + abs(b)):
            return order - 1
    return math.inf


def _exact(expression: sp.Expr) -> sp.Expr:
    """Write floats as fractions: 15 digits are too few for high derivatives, whose terms cancel."""
    floats = expression.atoms(sp.Float)
    return expression.xreplace({f: sp.Rational(repr(float(f))) for f in floats})


def _without_surds_below(expression: sp.Expr) -> sp.Expr:
    """Move square roots out of denominators: the 8th derivative of 2 / (sqrt(x² + 4) - x) has 7,600 terms."""
    return sp.radsimp(expression) if any(_is_surd(d) for d in _denominators(expression)) else expression


def _denominators(expression: sp.Expr) -> list[sp.Expr]:
    return [e.base for e in expression.atoms(sp.Pow) if e.exp.is_Integer and e.exp.is_negative]


def _is_surd(expression: sp.Expr) -> bool:
    """Tell whether it is a sum with the square root of a polynomial in it, which radsimp knows to invert."""
    roots = [e for e in expression.atoms(sp.Pow) if e.has(X) and not e.exp.is_Integer]
    return (
        expression.is_Add
        and bool(roots)
        and all(e.exp == sp.Rational(1, 2) and e.base.is_polynomial(X) for e in roots)
        and not expression.atoms(sp.Function)
    )


def _value(expression: sp.Expr, point: sp.Rational, side: str) -> sp.Expr:
    value = expression.subs(X, point).evalf(30)
    if value.is_finite:
        return value
    return sp.limit(expression, X, point, side).evalf(30)


def piece(expression: sp.Expr, at: float) -> sp.Expr:
    """Return the smooth function that the expression is around a point: every primitive decided there."""
    if not expression.args or not expression.has(X):
        return expression
    if isinstance(expression, p.select):
        condition, first, second = expression.args
        return piece(first if _holds(condition, at) else second, at)
    if isinstance(expression, p.guard):
        condition, u, point = expression.args
        return piece(u, at) if _holds(condition, at) else point
    if isinstance(expression, PIECEWISE):
        return _decided(expression, at)
    return expression.func(*(piece(a, at) for a in expression.args))


def _holds(condition: sp.Basic, at: float) -> bool:
    """Tell whether a condition holds at a point; its sides may have pieces of their own."""
    sides = {r: r.func(*(elementary(side) for side in r.args)) for r in condition.atoms(Relational)}
    return bool(condition.xreplace(sides).subs(X, sp.Float(at)) == sp.true)


def _decided(node: sp.Expr, at: float) -> sp.Expr:
    u, number = piece(node.args[0], at), _numeric(node.args[0], at)
    if isinstance(node, (p.clip, p.window)):
        low, high = (_numeric(a, at) for a in node.args[1:])
        inside = low < number < high
        if isinstance(node, p.window):
            return sp.Integer(int(inside))
        return u if inside else node.args[1] if number <= low else node.args[2]
    choices = {
        p.pos: (u, sp.Integer(0)),
        p.neg: (sp.Integer(0), u),
        p.absolute: (u, -u),
        p.sign: (sp.Integer(1), sp.Integer(-1)),
        p.step: (sp.Integer(1), sp.Integer(0)),
        p.below: (sp.Integer(0), sp.Integer(1)),
    }
    if isinstance(node, p.sign) and number == 0:
        return sp.Integer(0)
    return choices[type(node)][0 if number > 0 else 1]


def _numeric(u: sp.Expr, at: float) -> float:
    """Return the value at a point: through torch, or SymPy's own where that cannot tell it from 0."""
    return float(Subject(u)(np.array(at))) if u.has(X) else float(u)
