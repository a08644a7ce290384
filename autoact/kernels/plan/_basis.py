"""The first step of a plan: a mixture as a sum of coefficients times shared basis functions."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from autoact.activations import Activation, Parameter, X, order_key
from autoact.activations import primitives as p


@dataclass(frozen=True, slots=True)
class Term:
    """One summand: weight of a candidate, times a factor of its parameters, times a basis function."""

    candidate: int
    factor: sp.Expr
    basis: int


@dataclass(frozen=True, slots=True)
class Basis:
    """y = Σ_terms w[candidate] · factor(θ) · functions[basis](x).

    Everything linear in a parameter (a slope, ELU's alpha) is a factor; only parameters that sit inside a
    function (`inner`, indices into `slots`) reach the elementwise kernel.
    """

    functions: tuple[sp.Expr, ...]
    terms: tuple[Term, ...]
    slots: tuple[tuple[str, Parameter], ...]
    inner: tuple[int, ...]

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """Symbols of all parameters, in slot order."""
        return tuple(symbol(name, parameter) for name, parameter in self.slots)


def symbol(candidate: str, parameter: Parameter) -> sp.Symbol:
    """Return the symbol of a candidate's parameter inside a plan."""
    return sp.Symbol(f"{candidate}_{parameter.name}", real=True)


def collect(candidates: tuple[Activation, ...]) -> Basis:
    """Return the basis of a mixture; equal functions of several candidates appear once."""
    slots = tuple((act.name, parameter) for act in candidates for parameter in act.parameters)
    parts = []
    for act in candidates:
        own = {s: symbol(act.name, each) for s, each in zip(act.symbols, act.parameters, strict=True)}
        parts.append(_parts(act.expression.xreplace(own)))
    functions = sorted({f for part in parts for _, f in part}, key=order_key)
    if p.pos(X) in functions and p.neg(X) in functions and X in functions:
        parts = [_split_identity(own) for own in parts]
        functions = sorted({f for part in parts for _, f in part}, key=order_key)
    terms = tuple(
        Term(k, factor, functions.index(f)) for k, own in enumerate(parts) for factor, f in own if factor != 0
    )
    used = set().union(*(f.free_symbols for f in functions))
    inner = tuple(i for i, slot in enumerate(slots) if symbol(*slot) in used)
    return Basis(tuple(functions), terms, slots, inner)


def _parts(expression: sp.Expr) -> list[tuple[sp.Expr, sp.Expr]]:
    """Split a sum into (factor without x, function of x)."""
    parts = []
    for term in sp.Add.make_args(expression):
        factor, function = term.as_independent(X, as_Add=False)
        if isinstance(function, sp.Add):
            parts += [(factor * inner, f) for inner, f in _parts(function)]
        else:
            parts.append((factor, function))
    return parts


def _split_identity(own: list[tuple[sp.Expr, sp.Expr]]) -> list[tuple[sp.Expr, sp.Expr]]:
    """Write a candidate that is x as max(x, 0) + min(x, 0), both there anyway; exact, as one of them is 0."""
    return [(own[0][0], p.pos(X)), (own[0][0], p.neg(X))] if [f for _, f in own] == [X] else own


def grows_faster_than_linearly(function: sp.Expr) -> bool:
    """Tell whether a basis function may overflow for large finite x, so that a zero weight must mask it."""
    return _order(function) > 1


def finite_at_infinity(function: sp.Expr) -> bool:
    """Tell whether a function stays finite for infinite x, so that 0 times it is 0; False where unknown."""
    return _order(function) <= 0 and not function.has(sp.sin, sp.cos)


_BOUNDED = (p.step, p.below, p.sign, p.window, p.sigmoid, p.tanh, sp.sin, sp.cos, sp.erf, sp.erfc, sp.atan)


def slope(function: sp.Expr, variable: sp.Symbol) -> sp.Expr:
    """Return a derivative; of a function that settles, with every x limited to where it has.

    Example:
        >>> settling = X * p.tanh(p.limited(X, 100.0) ** 2)
        >>> slope(settling, X).has(X * X)
        False
    """
    found = sp.diff(function, variable)
    bounds = [e.args[1] for e in function.atoms(p.limited)]
    return found.xreplace({X: p.limited(X, min(bounds))}) if bounds else found


def _order(e: sp.Expr) -> float:
    """Upper bound of the growth order in x; infinite where unknown."""
    e = e.replace(p.limited, lambda u, bound: bound)
    if not e.has(X):
        return 0
    if e == X:
        return 1
    if isinstance(e, _BOUNDED):
        return 0
    if isinstance(e, (p.pos, p.neg, p.absolute, p.softplus)):
        return _order(e.args[0])
    if isinstance(e, (p.clip, p.select, p.guard)):
        return max(_order(a) for a in e.args[1:])
    if isinstance(e, (p.exp, p.expm1)):
        return 0 if _at_most_zero(e.args[0]) else float("inf")
    if isinstance(e, sp.Add):
        return max(_order(a) for a in e.args)
    if isinstance(e, sp.Mul):
        return sum(_order(a) for a in e.args)
    if isinstance(e, sp.Pow) and e.exp.is_number and e.exp.is_positive:
        return float(e.exp) * _order(e.base)
    return float("inf")


def _at_most_zero(u: sp.Expr) -> bool:
    """Recognize min(·, 0), also over a parameter with a positive lower bound (CELU's alpha), and -u²."""
    factors = sp.Mul.make_args(u)
    x_part = [f for f in factors if f.has(X)]
    rest = [f for f in factors if not f.has(X)]
    negative_numbers = sum(bool(f.is_number and f.is_negative) for f in rest)
    if len(x_part) != 1:
        return False
    if isinstance(x_part[0], p.neg):
        return negative_numbers == 0
    even = (isinstance(x_part[0], sp.Pow) and x_part[0].exp == 2) or isinstance(x_part[0], p.absolute)
    return even and negative_numbers == 1 and all(f.is_number for f in rest)
