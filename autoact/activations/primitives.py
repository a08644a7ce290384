"""The numerically stable building blocks of every activation: SymPy functions that torch can print.

A primitive knows four things: its derivative, the torch code that evaluates it (`code`, whose autograd agrees
with the derivative also at kinks), its elementary form (`elementary`, for limits, facts and high-precision
reference values) and, where one exists, a cheaper form over kernels that primitives share (`lowered`).
They are opaque to SymPy's rewriting, so what is written is what runs.
"""

from __future__ import annotations

import sympy as sp

from autoact.activations._bessel import bessel
from autoact.activations._piecewise import (
    Primitive,
    absolute,
    below,
    clip,
    guard,
    limited,
    neg,
    pos,
    select,
    sign,
    step,
    window,
)

__all__ = [
    "Primitive",
    "absolute",
    "bell",
    "below",
    "bessel",
    "clip",
    "decay",
    "decay1",
    "elementary",
    "exp",
    "expm1",
    "finite",
    "guard",
    "limited",
    "log1p",
    "lowered",
    "neg",
    "pos",
    "select",
    "sigmoid",
    "sign",
    "softplus",
    "step",
    "stopped",
    "tanh",
    "window",
]


class exp(Primitive):
    """exp(u), kept apart from SymPy's exp, which merges products of exponentials."""

    nargs = 1
    code = "torch.exp({0})"
    tex = r"e^{{{0}}}"

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Return exp(u)."""
        return self

    def elementary(self) -> sp.Expr:
        """exp(u)."""
        return sp.exp(self.args[0])

    def lowered(self) -> sp.Expr | None:
        """exp(min(v, 0)) is the shared decay below 0 and 1 above; exp(-v²) the shared bell."""
        (u,) = self.args
        if isinstance(u, neg):
            return select(u.args[0] > 0, 1, decay(u.args[0]))
        number, rest = u.as_coeff_Mul()
        if number.is_negative and isinstance(rest, sp.Pow) and rest.exp == 2:
            return bell(sp.sqrt(-number) * rest.base)
        return None


class expm1(Primitive):
    """exp(u) - 1 without cancellation near 0."""

    nargs = 1
    code = "torch.expm1({0})"
    tex = r"\left(e^{{{0}}} - 1\right)"

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Return exp(u)."""
        return exp(self.args[0])

    def elementary(self) -> sp.Expr:
        """exp(u) - 1."""
        return sp.exp(self.args[0]) - 1

    def lowered(self) -> sp.Expr | None:
        """expm1(min(v, 0)) is the shared decay1 below 0 and 0 above."""
        (u,) = self.args
        return select(u.args[0] > 0, 0, decay1(u.args[0])) if isinstance(u, neg) else None


class sigmoid(Primitive):
    """1 / (1 + exp(-u))."""

    nargs = 1
    code = "torch.sigmoid({0})"
    tex = r"\sigma({0})"

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Return σ(u)σ(-u): 1 - σ(u) would cancel for large u."""
        return self * sigmoid(-self.args[0])

    def elementary(self) -> sp.Expr:
        """1 / (1 + exp(-u))."""
        return 1 / (1 + sp.exp(-self.args[0]))

    def lowered(self) -> sp.Expr:
        """1/(1+e) or e/(1+e) by sign."""
        e = decay(self.args[0])
        return select(self.args[0] > 0, 1, e) / (1 + e)


class tanh(Primitive):
    """Hyperbolic tangent."""

    nargs = 1
    code = "torch.tanh({0})"
    tex = r"\tanh({0})"

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Return 1 - tanh(u)²."""
        return 1 - self**2

    def elementary(self) -> sp.Expr:
        """tanh(u)."""
        return sp.tanh(self.args[0])

    def lowered(self) -> sp.Expr:
        """Tanh |u| = -m(m+2)/(1+e²), exact near 0 too; tanh(softplus) is a ratio in e alone."""
        (u,) = self.args
        if isinstance(u, (pos, neg)):
            return u.func(tanh(u.args[0]))
        if isinstance(u, softplus):
            e = decay(u.args[0])
            return select(u.args[0] > 0, 1 + 2 * e, e * (e + 2)) / select(
                u.args[0] > 0, 1 + 2 * e + 2 * e * e, e * e + 2 * e + 2
            )
        e, m = decay(u), decay1(u)
        return select(u > 0, -m, m) * (m + 2) / (1 + e * e)


class softplus(Primitive):
    """log(1 + exp(u)); torch switches to u at a threshold, here (50) far enough out for float64."""

    nargs = 1
    code = "F.softplus({0}, 1.0, 50.0)"
    tex = r"\log(1 + e^{{{0}}})"

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Return σ(u)."""
        return sigmoid(self.args[0])

    def elementary(self) -> sp.Expr:
        """log(1 + exp(u))."""
        return sp.log(1 + sp.exp(self.args[0]))

    def lowered(self) -> sp.Expr:
        """max(u, 0) + log1p(e)."""
        return pos(self.args[0]) + log1p(decay(self.args[0]))


class log1p(Primitive):
    """log(1 + u) without cancellation near 0."""

    nargs = 1
    code = "torch.log1p({0})"
    tex = r"\log(1 + {0})"

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Return 1 / (1 + u)."""
        return 1 / (1 + self.args[0])

    def elementary(self) -> sp.Expr:
        """log(1 + u)."""
        return sp.log(1 + self.args[0])


class _Even(Primitive):
    """A kernel in |u|: the sign of its argument is made canonical, so that u and -u share it."""

    nargs = 1

    @classmethod
    def eval(cls, u: sp.Expr) -> sp.Expr | None:
        """Turn f(-u) into f(u)."""
        return cls(-u) if u.could_extract_minus_sign() else None


class decay(_Even):
    """Shared kernel exp(-|u|) of lowered forms; never differentiated."""

    code = "torch.exp(-torch.abs({0}))"
    tex = r"e^{{-\left|{0}\right|}}"

    def elementary(self) -> sp.Expr:
        """exp(-|u|)."""
        return sp.exp(-sp.Abs(self.args[0]))


class decay1(_Even):
    """Shared kernel expm1(-|u|) of lowered forms; never differentiated."""

    code = "torch.expm1(-torch.abs({0}))"
    tex = r"\left(e^{{-\left|{0}\right|}} - 1\right)"

    def elementary(self) -> sp.Expr:
        """exp(-|u|) - 1."""
        return sp.exp(-sp.Abs(self.args[0])) - 1


class bell(_Even):
    """Shared kernel exp(-u²), of Gaussians and of the derivative of erf(u), whose tails need it too."""

    code = "torch.exp(-torch.square({0}))"
    tex = r"e^{{-({0})^2}}"

    def elementary(self) -> sp.Expr:
        """exp(-u²)."""
        return sp.exp(-(self.args[0] ** 2))


class stopped(Primitive):
    """U as a constant: no derivative."""

    nargs = 1
    code = "({0}).detach()"

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Return 0: a constant."""
        return sp.Integer(0)


class finite(Primitive):
    """U where it is finite, else 0."""

    nargs = 1
    code = "torch.nan_to_num({0}, 0.0, 0.0, 0.0)"


def elementary(expression: sp.Expr) -> sp.Expr:
    """Return an expression with every primitive replaced by its elementary form."""
    found = lambda e: isinstance(e, Primitive)  # noqa: E731
    simpler = expression.replace(found, lambda e: e.elementary())
    return expression if simpler == expression else elementary(simpler)


def lowered(expression: sp.Expr) -> sp.Expr:
    """Return an expression over the shared kernels; outermost first, as tanh(softplus) is one form."""
    if not expression.args or isinstance(expression, sp.logic.boolalg.Boolean):
        return expression
    cheaper = expression.lowered() if isinstance(expression, Primitive) else None
    if cheaper is not None:
        return lowered(cheaper) if cheaper != expression else cheaper
    return expression.func(*(lowered(a) for a in expression.args))
