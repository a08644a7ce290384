"""Where a function is not smooth, and how smooth it is there."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import sympy as sp
from scipy.optimize import brentq
from sympy.core.relational import Relational

from autoact.activations import primitives as p
from autoact.activations.activation import X
from autoact.activations.opaque import Opaque
from autoact.activations.primitives import elementary
from autoact.analysis.subject import Analyzable, Subject, subject
from autoact.errors import ConfigurationError

HIGHEST_ORDER = 8
_SCAN = np.linspace(-50.0, 50.0, 20_001)


def smoothness(act: Analyzable, *, up_to: int = HIGHEST_ORDER, **parameters: float) -> int | float:
    """Return k for a function in C^k but not C^(k+1); math.inf for a smooth one, -1 for a jump.

    Exact: at every kink the derivatives of the pieces on both sides are compared, so it depends on parameter
    values, and kinks of a mixture may cancel.

    Args:
        act: A name, an Activation, a mapping name -> weight, or an AutoActivation.
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
    made = subject(act, **parameters)
    if made.expression.has(Opaque):
        raise ConfigurationError(
            f"{act} is a torch callable: its smoothness cannot be computed. Write it as a SymPy expression."
        )
    points = _with_gaps(kinks(made))
    return min((_order_at(made.expression, at, gap, up_to) for at, gap in points), default=math.inf)


def kinks(of: Subject) -> list[float]:
    """Return the points where a piece ends, sorted; some may turn out smooth."""
    boundaries = set()
    for node in sp.preorder_traversal(of.expression):
        boundaries |= _boundaries(node)
    found = sorted({round(root, 14) for u in boundaries for root in _roots(u)})
    return found


def _boundaries(node: sp.Basic) -> set[sp.Expr]:
    if isinstance(node, (p.pos, p.neg, p.absolute, p.sign, p.step, p.below)):
        return {node.args[0]}
    if isinstance(node, (p.clip, p.window)):
        u, low, high = node.args
        return {u - low, u - high}
    if isinstance(node, (p.select, p.guard)):
        return {r.lhs - r.rhs for r in node.args[0].atoms(Relational)}
    return set()


def _roots(u: sp.Expr) -> list[float]:
    if not u.has(X):
        return []
    if u.is_polynomial(X):
        return [float(r) for r in sp.Poly(u, X).nroots() if abs(sp.im(r)) < 1e-12]
    f = Subject(u)
    values = f(_SCAN)
    exact = [float(x) for x, v in zip(_SCAN, values, strict=True) if v == 0]
    changes = [(a, b) for (a, va), (b, vb) in pairwise(zip(_SCAN, values, strict=True)) if va * vb < 0]
    return exact + [float(brentq(lambda x: float(f(np.array(x))), a, b, xtol=1e-14)) for a, b in changes]


def _with_gaps(points: list[float]) -> list[tuple[float, float]]:
    """Pair each kink with a distance within which there is no other."""
    gaps = [b - a for a, b in pairwise(points)]
    return [(x, 0.25 * min([1.0, *gaps])) for x in points]


def _order_at(expression: sp.Expr, at: float, gap: float, highest: int) -> int | float:
    """Return the number of derivatives that agree at a kink, minus one."""
    point = sp.Rational(at).limit_denominator(10**12)
    left, right = (_exact(elementary(_piece(expression, sp.Float(at + side * gap)))) for side in (-1, 1))
    for order in range(highest + 1):
        a, b = (_value(sp.diff(piece, X, order), point, side) for piece, side in ((left, "-"), (right, "+")))
        if not (a.is_finite and b.is_finite) or abs(a - b) > 1e-9 * (1 + abs(a) + abs(b)):
            return order - 1
    return math.inf


def _exact(expression: sp.Expr) -> sp.Expr:
    """Write floats as fractions: 15 digits are too few for high derivatives, whose terms cancel."""
    floats = expression.atoms(sp.Float)
    return expression.xreplace({f: sp.Rational(repr(float(f))) for f in floats})


def _value(expression: sp.Expr, point: sp.Rational, side: str) -> sp.Expr:
    value = expression.subs(X, point).evalf(30)
    if value.is_finite:
        return value
    return sp.limit(expression, X, point, side).evalf(30)


def _piece(expression: sp.Expr, at: sp.Float) -> sp.Expr:
    """Return the smooth function that the expression is around a point: every primitive decided there."""
    if not expression.args or not expression.has(X):
        return expression
    if isinstance(expression, p.select):
        condition, first, second = expression.args
        return _piece(first if condition.subs(X, at) == sp.true else second, at)
    if isinstance(expression, p.guard):
        condition, u, point = expression.args
        return _piece(u, at) if condition.subs(X, at) == sp.true else point
    if isinstance(expression, (p.pos, p.neg, p.absolute, p.sign, p.step, p.below, p.clip, p.window)):
        return _decided(expression, at)
    return expression.func(*(_piece(a, at) for a in expression.args))


def _decided(node: sp.Expr, at: sp.Float) -> sp.Expr:
    u, number = _piece(node.args[0], at), _numeric(node.args[0], at)
    up = number > 0
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
    return choices[type(node)][0 if up else 1]


def _numeric(u: sp.Expr, at: sp.Float) -> float:
    return float(Subject(u)(np.array(float(at))))
