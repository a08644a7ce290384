"""Fewer instructions from the same program, where every coefficient is known to differ from 0.

A multiply-add costs one instruction, a choice by sign another: choices by the same sign are added up before
choosing, and members that are x times a gate share their x. Where a coefficient is 0 the plain program runs:
it leaves its member out, so that 0 times infinity cannot happen.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import sympy as sp

from autoact.activations import X
from autoact.activations import primitives as p

Steps = dict[sp.Symbol, sp.Expr]
ONE, ZERO = sp.Integer(1), sp.Integer(0)


@dataclass(frozen=True, slots=True)
class Code:
    """Steps, in no order, and the outputs that need them."""

    steps: Steps
    outputs: tuple[sp.Expr, ...]


def compared_with_0(code: Code) -> set[sp.Symbol]:
    """Return the coefficients that a program compares with 0."""
    found = set().union(*(e.atoms(sp.Ne) for e in (*code.steps.values(), *code.outputs)))
    return {e.lhs for e in found if isinstance(e.lhs, sp.Symbol)}


def with_all_live(code: Code) -> Code:
    """Return the program for coefficients that all differ from 0.

    Example:
        >>> c, t = sp.symbols("c0 t0", real=True)
        >>> with_all_live(Code({t: p.pos(X)}, (p.select(sp.Ne(c, 0), c * t, 0),))).outputs
        (c0*t0,)
    """
    true = {name for name, value in code.steps.items() if isinstance(value, sp.Ne)}

    def chosen(e: sp.Expr) -> sp.Expr:
        return e.replace(
            lambda s: (
                isinstance(s, (p.select, p.guard)) and (isinstance(s.args[0], sp.Ne) or s.args[0] in true)
            ),
            lambda s: s.args[1],
        )

    return Code(
        {n: chosen(v) for n, v in code.steps.items() if n not in true}, tuple(map(chosen, code.outputs))
    )


def merged(code: Code, forward: bool) -> Code:
    """Return the program with choices by one sign merged, and x shared in the value."""
    merger = _Merger(code.steps)
    steps = {name: merger.without_opposites(value) for name, value in code.steps.items()}
    merger = _Merger(steps)
    first, *others = code.outputs
    return Code(steps, (merger.sum(first, forward), *others))


@dataclass(frozen=True, slots=True)
class _Choice:
    """first where u > 0, else second."""

    u: sp.Expr
    first: sp.Expr
    second: sp.Expr


@dataclass(slots=True)
class _Group:
    """Terms of a sum that choose by the sign of one u."""

    terms: list[sp.Expr] = field(default_factory=list)
    first: sp.Expr = ZERO
    second: sp.Expr = ZERO

    def add(self, term: sp.Expr, rest: sp.Expr, choice: _Choice) -> None:
        self.terms.append(term)
        self.first += rest * choice.first
        self.second += rest * choice.second


class _Merger:
    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def without_opposites(self, value: sp.Expr) -> sp.Expr:
        """Write σ(u)σ(-u), two choices of which one is always the other's opposite, without any."""
        if not isinstance(value, sp.Add):
            return value
        terms = []
        for term in value.args:
            rest, choice = self._split(term)
            terms.append(rest * choice.first if choice and choice.first == choice.second else term)
        return sp.Add(*terms)

    def sum(self, total: sp.Expr, forward: bool) -> sp.Expr:
        """Merge the choices of a sum; in the value, only where a NaN of x would not be lost."""
        groups: dict[sp.Expr, _Group] = {}
        for term in sp.Add.make_args(total):
            rest, choice = self._split(term)
            if choice:
                groups.setdefault(choice.u, _Group()).add(term, rest, choice)
        for u, group in groups.items():
            keeps_nan = self._varies(group.first) and self._varies(group.second)
            if len(group.terms) > 1 and (keeps_nan or not forward):
                total = total - sp.Add(*group.terms) + p.select(u > 0, group.first, group.second)
        return self._sharing_x(total) if forward else total

    def _sharing_x(self, total: sp.Expr) -> sp.Expr:
        terms = sp.Add.make_args(total)
        gated = {t: self._gate(t) for t in terms}
        gates = [g for g in gated.values() if g is not None]
        if len(gates) < 2:
            return total
        return sp.Add(X * sp.Add(*gates, evaluate=False), *(t for t in terms if gated[t] is None))

    def _gate(self, term: sp.Expr) -> sp.Expr | None:
        """Return c·gate of a term c·(x·gate)."""
        coefficient, rest = term.as_independent(*self._steps, as_Add=False)
        value = self._steps.get(rest)
        if not isinstance(value, sp.Mul) or X not in value.args:
            return None
        return coefficient * value / X

    def _varies(self, e: sp.Expr) -> bool:
        return X in e.free_symbols or any(
            self._varies(self._steps[s]) for s in e.free_symbols & self._steps.keys()
        )

    def _split(self, term: sp.Expr) -> tuple[sp.Expr, _Choice | None]:
        """Split a product into factors that do not choose, and all choices by the sign of one u in one."""
        own = list(sp.Mul.make_args(term))
        flat = [f for factor in own for f in self._factors(factor)]
        if sum(self._choice(f) is not None for f in flat) > 1:
            own = flat
        rest, found = ONE, None
        for factor in own:
            choice = self._choice(factor)
            if choice is None or (found is not None and found.u != choice.u):
                rest *= factor
            elif found is None:
                found = choice
            else:
                found = _Choice(found.u, found.first * choice.first, found.second * choice.second)
        return rest, found

    def _factors(self, factor: sp.Expr) -> list[sp.Expr]:
        """Return the factors of the product that a name stands for, down to names of other things."""
        value = self._steps.get(factor, ZERO)
        if not isinstance(value, sp.Mul):
            return [factor]
        return [f for part in value.args for f in self._factors(part)]

    def _choice(self, factor: sp.Expr) -> _Choice | None:
        value = self._steps.get(factor, factor)
        if isinstance(value, p.select):
            return self._by_sign(*value.args)
        u = value.args[0] if value.args else ZERO
        sides = {p.pos: (u, ZERO), p.neg: (ZERO, u), p.step: (ONE, ZERO), p.below: (ZERO, ONE)}.get(
            type(value)
        )
        return _Choice(u, *sides) if sides else None

    def _by_sign(self, condition: sp.Expr, first: sp.Expr, second: sp.Expr) -> _Choice | None:
        """Read a select; where u is 0 a decay is 1, so that 1 and a decay may change sides."""
        test = self._steps.get(condition, condition)
        if not (isinstance(test, sp.Gt) and test.rhs == 0):
            return None
        if (
            test.lhs.could_extract_minus_sign()
            and first == 1
            and isinstance(self._steps.get(second), p.decay)
        ):
            return _Choice(-test.lhs, second, ONE)
        return _Choice(test.lhs, first, second)
