"""Mapping of plain SymPy, as a user writes it, to the stable primitives."""

from __future__ import annotations

import sympy as sp
from sympy.core.relational import Relational
from sympy.logic.boolalg import Boolean

from autoact.activations import primitives as p
from autoact.errors import ConfigurationError

SMOOTH = (sp.sin, sp.cos, sp.atan, sp.erf, sp.erfc, sp.sinh, sp.cosh, sp.asinh, sp.log)
_RENAMED = {sp.exp: p.exp, sp.tanh: p.tanh, sp.Abs: p.absolute, sp.sign: p.sign}


def to_primitives(expression: sp.Expr, x: sp.Symbol) -> sp.Expr:
    """Return the expression over primitives.

    Args:
        expression: Anything built from `+ - * / **`, primitives, and SymPy's exp, log, erf, erfc, sin, cos,
            sinc, atan, sinh, cosh, asinh, tanh, Abs, sign, Max, Min, Heaviside and Piecewise.
        x: The input symbol.

    Raises:
        ConfigurationError: A function that has no stable primitive.

    Example:
        >>> x = sp.Symbol("x", real=True)
        >>> to_primitives(sp.Max(x, 0), x)
        pos(x)
    """
    if isinstance(expression, sp.Piecewise):
        return _piecewise(expression, x)
    arguments = [a if isinstance(a, Boolean) else to_primitives(a, x) for a in expression.args]
    head = expression.func
    stable = _overflowing_form(expression, x)
    if stable is not None:
        return stable
    if head in _RENAMED:
        return _RENAMED[head](*arguments)
    if head is sp.sinc:
        return p.bessel(sp.Integer(0), arguments[0])
    if head is sp.Heaviside:
        return p.step(arguments[0])
    if head in (sp.Max, sp.Min):
        return _extremum(arguments, head is sp.Max)
    known = isinstance(expression, (p.Primitive, sp.Add, sp.Mul, sp.Pow, *SMOOTH))
    if not (known or expression.is_Atom):
        raise ConfigurationError(
            f"No stable form of {head.__name__} in {expression}. Allowed: + - * / ** and exp, log, erf, sin, "
            "cos, sinc, atan, sinh, cosh, tanh, Abs, sign, Max, Min, Heaviside, Piecewise. Rewrite it so."
        )
    return head(*arguments) if arguments else expression


def _extremum(arguments: list[sp.Expr], maximum: bool) -> sp.Expr:
    first, *rest = sorted(arguments, key=lambda a: (not a.is_number, sp.default_sort_key(a)))
    for other in rest:
        gap = other - first
        first = first + (p.pos(gap) if maximum else p.neg(gap))
    return first


def _overflowing_form(expression: sp.Expr, x: sp.Symbol) -> sp.Expr | None:
    """Recognize logistic, softplus and exp - 1 written with a bare exp, whose overflow would end in NaN."""
    u = sp.Wild("u", properties=[lambda e: e.has(x)])
    if isinstance(expression, sp.Pow) and expression.exp.is_negative:
        found = expression.base.match(1 + sp.exp(u))
        return p.sigmoid(-to_primitives(found[u], x)) ** -expression.exp if found else None
    if isinstance(expression, sp.log):
        found = expression.args[0].match(1 + sp.exp(u))
        return p.softplus(to_primitives(found[u], x)) if found else None
    if isinstance(expression, sp.Add):
        found = expression.match(sp.exp(u) - 1)
        return p.expm1(to_primitives(found[u], x)) if found else None
    return None


def _piecewise(expression: sp.Piecewise, x: sp.Symbol) -> sp.Expr:
    if expression.args[-1].args[1] != sp.true:
        raise ConfigurationError(f"{expression} is not defined everywhere. End it with (value, True).")
    result, rest = None, sp.true
    branches = []
    for value, condition in expression.args:
        branches.append((value, condition, condition & rest))
        rest = sp.Not(condition) & rest
    for value, condition, region in reversed(branches):
        inside = _guarded(to_primitives(value, x), sp.to_nnf(region, simplify=False), x)
        result = inside if result is None else p.select(_condition(condition, x), inside, result)
    assert result is not None
    return result


def _guarded(value: sp.Expr, region: Boolean, x: sp.Symbol) -> sp.Expr:
    """Return a branch whose input is a harmless point wherever the branch is not read."""
    point = _inner_point(region, x)
    return value.subs(x, p.guard(_condition(region, x), x, point)) if value.has(x) else value


def _condition(condition: Boolean, x: sp.Symbol) -> Boolean:
    """Return a condition whose sides are over primitives too."""
    return condition.xreplace(
        {r: r.func(to_primitives(r.lhs, x), to_primitives(r.rhs, x)) for r in condition.atoms(Relational)}
    )


def _inner_point(region: Boolean, x: sp.Symbol) -> sp.Expr:
    """A point strictly inside the region: there the guarded branch is evaluated for elements outside."""
    low, high = _ends(region, x)
    if low is not None and high is not None:
        return to_primitives((low + high) / 2, x)
    if low is not None:
        return to_primitives(low + 1, x)
    if high is not None:
        return to_primitives(high - 1, x)
    raise _no_interval(region, x)


def _ends(region: Boolean, x: sp.Symbol) -> tuple[sp.Expr | None, sp.Expr | None]:
    """Return where an interval begins and ends, in parameters too; None for infinity. Of two, take one."""
    if isinstance(region, sp.Or) and all(isinstance(part, Relational) for part in region.args):
        region = region.args[0]
    if not region.free_symbols - {x}:
        found = region.as_set()
        if not isinstance(found, sp.Interval):
            raise _no_interval(region, x)
        return found.inf if found.inf.is_finite else None, found.sup if found.sup.is_finite else None
    bounds = [_bound(each, x) for each in sp.And.make_args(region)]
    lows, highs = ([at for side, at in bounds if side == wanted] for wanted in (">", "<"))
    return sp.Max(*lows) if lows else None, sp.Min(*highs) if highs else None


def _bound(condition: Boolean, x: sp.Symbol) -> tuple[str, sp.Expr]:
    """Return (">", a) for a condition that says x > a, ("<", a) for x < a; equality does not matter."""
    if not isinstance(condition, Relational) or condition.rel_op not in (">", ">=", "<", "<="):
        raise _no_interval(condition, x)
    gap = sp.expand(condition.lhs - condition.rhs)
    slope, rest = gap.coeff(x, 1), gap.coeff(x, 0)
    if not slope.is_nonzero or not slope.is_number or sp.expand(gap - slope * x - rest) != 0:
        raise _no_interval(condition, x)
    above = (condition.rel_op[0] == ">") == bool(slope > 0)
    return (">" if above else "<"), -rest / slope


def _no_interval(condition: Boolean, x: sp.Symbol) -> ConfigurationError:
    return ConfigurationError(
        f"Condition {condition} is not an interval of {x}. Write it as {x} > a or as And({x} > a, {x} < b), "
        f"a and b free of {x}, or write the function with Max and Min."
    )
