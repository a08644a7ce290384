"""Formulas as browsers set them: MathML of expressions over the primitives, as people write them."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import sympy as sp
from sympy.printing.mathml import MathMLPresentationPrinter

from autoact.activations import primitives as p

_NEXT_TO = "next to"  # between factors, which may be words
_AS_HTML = {f"<mo>{_NEXT_TO}</mo>": '<mspace width="0.17em"></mspace>', "<mo><</mo>": "<mo>&lt;</mo>"}
_DIGITS = 5
_WRITTEN: dict[type, Callable[..., sp.Expr]] = {
    p.pos: lambda u: sp.Function("max")(0, u),
    p.neg: lambda u: sp.Function("min")(0, u),
    p.clip: lambda u, low, high: sp.Function("min")(sp.Function("max")(u, low), high),
    p.step: sp.Function("step"),
    p.absolute: sp.Abs,
    p.exp: sp.exp,
    p.expm1: lambda u: sp.exp(u) - 1,
    p.sigmoid: sp.Function("σ"),
    p.tanh: sp.tanh,
    p.softplus: lambda u: sp.log(1 + sp.exp(u)),
    p.log1p: lambda u: sp.log(1 + u),
    p.select: lambda condition, first, second: sp.Piecewise((first, condition), (second, True)),
    p.guard: lambda condition, u, point: u,
}


class _Printer(MathMLPresentationPrinter):
    """SymPy's, with cases, which it does not know."""

    def _print_Piecewise(self, expr: sp.Piecewise) -> Any:
        rows = self.dom.createElement("mtable")
        for value, condition in expr.args:
            otherwise = sp.Symbol("else") if condition == sp.true else condition
            rows.appendChild(self._of("mtr", *(self._of("mtd", self._print(e)) for e in (value, otherwise))))
        brace = self._of("mo", self.dom.createTextNode("{"))
        return self._of("mrow", brace, rows)

    def _print_Exp1(self, expr: sp.Expr) -> Any:
        return self._of("mi", self.dom.createTextNode("e"))

    def _print_exp(self, expr: sp.Expr) -> Any:
        return self._of("msup", self._print_Exp1(expr), self._print(expr.args[0]))

    def _of(self, name: str, *children: Any) -> Any:
        node = self.dom.createElement(name)
        for child in children:
            node.appendChild(child)
        return node


def mathml(expression: sp.Expr) -> str:
    """Return an expression as a MathML element; names in it are text, whatever they hold.

    Example:
        >>> from autoact.activations import X
        >>> mathml(X + 1)
        '<math display="block"><mrow><mi>x</mi><mo>+</mo><mn>1</mn></mrow></math>'
    """
    printed = _Printer({"mul_symbol": _NEXT_TO}).doprint(_written(expression))
    for found, meant in _AS_HTML.items():
        printed = printed.replace(found, meant)
    return f'<math display="block">{printed}</math>'


def _written(e: sp.Expr) -> sp.Expr:
    """Write primitives as people do, in the order in which they stand."""
    if isinstance(e, sp.Float):
        return sp.Float(e, _DIGITS)
    if isinstance(e, sp.Symbol):  # SymPy prints names as they are
        return sp.Symbol(escape(e.name))
    if not e.args:
        return e
    arguments = [_written(a) for a in e.args]
    if type(e) in _WRITTEN:
        return _WRITTEN[type(e)](*arguments)
    return (
        e.func(*arguments, evaluate=False) if isinstance(e, sp.Add | sp.Mul | sp.Pow) else e.func(*arguments)
    )
