"""Spherical Bessel functions: sinc and all its derivatives, which are sums of them without any division."""

from __future__ import annotations

from typing import Any

import sympy as sp

from autoact.activations._piecewise import Primitive, guard, select

_SWITCH = 2  # below, a series: the closed form divides what cancels by powers of u
_TERMS = 14  # at the switch the next term is less than 1e-20 of the first


class bessel(Primitive):
    """Spherical Bessel function of a whole order, bessel(n, u); bessel(0, u) is sin(u) / u.

    Source: Abramowitz and Stegun 1964, 10.1.2 (series), 10.1.19 (recurrence), 10.1.20 (derivative).
    """

    nargs = 2

    @classmethod
    def eval(cls, n: sp.Integer, u: sp.Expr) -> sp.Expr | None:
        """Take the sign out of the argument: even orders are even, odd ones odd."""
        return (-1) ** n * cls(n, -u) if u.could_extract_minus_sign() else None

    def fdiff(self, argindex: int = 2) -> sp.Expr:
        """Return (n·bessel(n - 1, u) - (n + 1)·bessel(n + 1, u)) / (2n + 1)."""
        n, u = self.args
        return (n * bessel(n - 1, u) - (n + 1) * bessel(n + 1, u)) / (2 * n + 1)

    def _eval_derivative(self, symbol: Any) -> sp.Expr:
        return self.fdiff() * self.args[1].diff(symbol)

    def elementary(self) -> sp.Expr:
        """SymPy's sinc, or the closed form, whose value at 0 is 0."""
        n, u = self.args
        return sp.sinc(u) if n == 0 else sp.Piecewise((_closed(int(n), u), sp.Ne(u, 0)), (0, True))

    def lowered(self) -> sp.Expr:
        """Return a series near 0 and the closed form elsewhere."""
        n, u = self.args
        near = u**2 < _SWITCH**2
        inside, outside = guard(near, u, sp.Integer(1)), guard(~near, u, sp.Integer(_SWITCH))
        return select(near, _series(int(n), inside), _closed(int(n), outside))

    @property
    def code(self) -> str:  # type: ignore[override]
        """Source over torch of `lowered`."""
        from autoact.activations._source import torch_source  # here: it prints every primitive

        u = sp.Symbol("u_", real=True)
        return torch_source(bessel(self.args[0], u).lowered()).replace("u_", "({1})")

    @property
    def tex(self) -> str:  # type: ignore[override]
        """Its name in LaTeX."""
        return r"\operatorname{{sinc}}({1})" if self.args[0] == 0 else r"j_{{{0}}}({1})"


def _series(n: int, u: sp.Expr) -> sp.Expr:
    """Return u^n (1 - u²/2 / (1!·(2n + 3)) + ...) / (2n + 1)!!, by Horner's rule."""
    total: sp.Expr = sp.Integer(1)
    for k in range(_TERMS, 0, -1):
        total = 1 - u**2 / (2 * k * (2 * n + 2 * k + 1)) * total
    return u**n * total / sp.factorial2(2 * n + 1)


def _closed(n: int, u: sp.Expr) -> sp.Expr:
    before, now = sp.cos(u) / u, sp.sin(u) / u
    for k in range(n):
        before, now = now, (2 * k + 1) * now / u - before
    return now
