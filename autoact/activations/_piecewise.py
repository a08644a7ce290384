"""Primitives of piecewise functions: each states torch's own choice at its kink, value and gradient."""

from __future__ import annotations

from typing import Any

import sympy as sp


class Primitive(sp.Function):
    """Base of the primitives; `code` holds one placeholder per argument."""

    code: str = ""
    tex: str = ""
    is_real = True

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = self.tex.format(*(printer.doprint(a) for a in self.args))
        return text if exp is None else rf"\left({text}\right)^{{{exp}}}"

    def elementary(self) -> sp.Expr:
        """Return the same function in SymPy's own terms."""
        raise NotImplementedError

    def lowered(self) -> sp.Expr | None:
        """Return a cheaper equal over shared kernels, or None where there is none."""
        return None


class step(Primitive):
    """1 for u > 0, else 0 (0 at the kink, as torch.relu's gradient)."""

    nargs = 1
    code = "torch.gt({0}, 0).to(({0}).dtype)"
    tex = r"\mathbb{{1}}[{0} > 0]"

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Return 0: flat on both sides."""
        return sp.Integer(0)

    def elementary(self) -> sp.Expr:
        """Heaviside with 0 at 0."""
        return sp.Piecewise((1, self.args[0] > 0), (0, True))


class below(Primitive):
    """1 for u <= 0, else 0: what step leaves."""

    nargs = 1
    code = "torch.le({0}, 0).to(({0}).dtype)"
    tex = r"\mathbb{{1}}[{0} \le 0]"

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Return 0: flat on both sides."""
        return sp.Integer(0)

    def elementary(self) -> sp.Expr:
        """1 - Heaviside."""
        return sp.Piecewise((0, self.args[0] > 0), (1, True))


class pos(Primitive):
    """max(u, 0), gradient 0 at the kink."""

    nargs = 1
    code = "torch.relu({0})"
    tex = r"\max(0, {0})"

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Return step(u)."""
        return step(self.args[0])

    def elementary(self) -> sp.Expr:
        """max(u, 0)."""
        return sp.Piecewise((self.args[0], self.args[0] > 0), (0, True))


class neg(Primitive):
    """min(u, 0), gradient 1 at the kink (what torch's leaky, PReLU and ELU do at 0)."""

    nargs = 1
    code = "torch.where(torch.gt({0}, 0), 0, {0})"  # the gradient of torch.clamp there is another since 2.14
    tex = r"\min(0, {0})"

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Return below(u)."""
        return below(self.args[0])

    def elementary(self) -> sp.Expr:
        """min(u, 0)."""
        return sp.Piecewise((0, self.args[0] > 0), (self.args[0], True))


class sign(Primitive):
    """-1, 0 or 1."""

    nargs = 1
    code = "torch.sign({0})"
    tex = r"\operatorname{{sgn}}({0})"

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Return 0: flat on both sides."""
        return sp.Integer(0)

    def elementary(self) -> sp.Expr:
        """Piecewise form."""
        u = self.args[0]
        return sp.Piecewise((1, u > 0), (-1, u < 0), (0, True))


class absolute(Primitive):
    """|u|, gradient 0 at the kink."""

    nargs = 1
    code = "torch.abs({0})"
    tex = r"\left|{0}\right|"

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Return sign(u)."""
        return sign(self.args[0])

    def elementary(self) -> sp.Expr:
        """Piecewise form."""
        u = self.args[0]
        return sp.Piecewise((u, u > 0), (-u, True))


class window(Primitive):
    """1 where low < u < high, else 0."""

    nargs = 3
    code = "(torch.gt({0}, {1}) & torch.lt({0}, {2})).to(({0}).dtype)"
    tex = r"\mathbb{{1}}[{1} < {0} < {2}]"

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Return 0: flat on all sides."""
        return sp.Integer(0)

    def elementary(self) -> sp.Expr:
        """Piecewise form."""
        u, low, high = self.args
        return sp.Piecewise((0, u <= low), (0, u >= high), (1, True))


class clip(Primitive):
    """U limited to [low, high]; gradient 0 at both kinks, as torch.nn.Hardtanh."""

    nargs = 3
    code = "torch.where(torch.gt({0}, {1}) & torch.lt({0}, {2}), {0}, torch.clamp(({0}).detach(), {1}, {2}))"
    tex = r"\min(\max({0}, {1}), {2})"

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Return the indicator of the part that the argument rules."""
        u, low, high = self.args
        return (window(u, low, high), below(u - low), below(high - u))[argindex - 1]

    def elementary(self) -> sp.Expr:
        """Piecewise form."""
        u, low, high = self.args
        return sp.Piecewise((low, u <= low), (high, u >= high), (u, True))


class limited(Primitive):
    """U limited to [-bound, bound], where what is made of it has settled: no power of it overflows.

    `x * tanh(x**3)` has the slope 1 far out, but computes it as 1 plus infinity times 0;
    `x * tanh(limited(x, 1e4)**3)` does not. Kernels compute the slopes of a function that holds it at the
    limited x. To symbolic analysis it is u itself.
    """

    nargs = 2
    code = "torch.clamp({0}, -{1}, {1})"
    tex = "{0}"

    @classmethod
    def eval(cls, u: sp.Expr, bound: sp.Expr) -> sp.Expr | None:
        """Limit once."""
        return u if isinstance(u, limited) else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Return 1: beyond the bound it is multiplied by what is 0."""
        return sp.Integer(1)

    def elementary(self) -> sp.Expr:
        """U itself."""
        return self.args[0]

    def lowered(self) -> sp.Expr:
        """The same as a clip."""
        u, bound = self.args
        return clip(u, -bound, bound)


class select(Primitive):
    """First value where the condition holds, else the second; each must be finite everywhere."""

    nargs = 3
    code = "torch.where({0}, {1}, {2})"
    tex = r"\begin{{cases}} {1} & {0} \\ {2} & \text{{else}} \end{{cases}}"

    def _eval_derivative(self, symbol: Any) -> sp.Expr:
        condition, first, second = self.args
        return select(condition, first.diff(symbol), second.diff(symbol))

    @classmethod
    def eval(cls, condition: Any, first: sp.Expr, second: sp.Expr) -> sp.Expr | None:
        """Drop a choice between equals."""
        return first if first == second else None

    def elementary(self) -> sp.Expr:
        """Piecewise form."""
        condition, first, second = self.args
        return sp.Piecewise((first, condition), (second, True))


class guard(Primitive):
    """U where the condition holds, else a harmless point: keeps an unused branch finite."""

    nargs = 3
    code = "torch.where({0}, {1}, {2})"
    tex = r"{1}"

    def _eval_derivative(self, symbol: Any) -> sp.Expr:
        condition, u, point = self.args
        inside, outside = u.diff(symbol), point.diff(symbol)
        if inside.is_number and outside.is_number:  # as in elementary: nobody reads it outside, and
            return inside  # torch.where of two numbers would be float32
        return select(condition, inside, outside)

    def elementary(self) -> sp.Expr:
        """U itself: the guarded branch is only read where the condition holds."""
        return self.args[1]
