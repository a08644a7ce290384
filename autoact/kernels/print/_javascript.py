"""JavaScript source of functions of one number, in double precision: for pages that compute what Python does.

The text of `javascript_library` defines what the printed functions call beside `Math`.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from itertools import count

import sympy as sp
from sympy.core.relational import Relational
from sympy.simplify.cse_main import tree_cse

from autoact.activations import order_key
from autoact.activations import primitives as p
from autoact.activations.primitives import elementary
from autoact.errors import UnsupportedInputError


class _erf_plus_one(sp.Function):
    """erfc(-u): keeps the relative accuracy in the tail where 1 + erf(u) cancels."""

    nargs = 1


_CALLS: dict[type, str] = {
    **{f: f.__name__ for f in (p.step, p.below, p.window, p.clip, p.sigmoid, p.softplus)},
    **{f: f.__name__ for f in (p.decay, p.decay1, p.bell, p.finite)},
    **{f: f"Math.{f.__name__}" for f in (p.exp, p.expm1, p.log1p, p.tanh, p.sign)},
    **{
        f: f"Math.{f.__name__}" for f in (sp.exp, sp.sin, sp.cos, sp.atan, sp.sinh, sp.cosh, sp.asinh, sp.log)
    },
    **{f: f.__name__ for f in (sp.erf, sp.erfc)},
    p.pos: "positive",
    p.neg: "negative",
    p.absolute: "Math.abs",
    p.stopped: "",
}
_NUMBERS = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}


def javascript_library() -> str:
    """Return the definitions that printed functions need: erf, erfc and the primitives."""
    return files("autoact.kernels.print").joinpath("elementwise.js").read_text(encoding="utf-8")


def javascript_function(arguments: Sequence[sp.Symbol], output: sp.Expr) -> str:
    """Return an arrow function of numbers; whatever the symbols are named, it calls them a0, a1, ...

    Args:
        arguments: Symbols, in the order in which the function takes them.
        output: Expression over them.

    Raises:
        UnsupportedInputError: A torch callable, which has no formula.

    Example:
        >>> import autoact
        >>> from autoact.activations import X
        >>> javascript_function((X,), autoact.get("silu").expression)
        '(a0) => (a0 * sigmoid(a0))'
    """
    names = {symbol: sp.Symbol(f"a{i}", real=True) for i, symbol in enumerate(arguments)}
    wanted = _stable(output.xreplace(names))
    shared, (result,) = tree_cse([wanted], (sp.Symbol(f"t{i}", real=True) for i in count()))
    head, value = f"({', '.join(s.name for s in names.values())}) =>", javascript_expression(result)
    if not shared:
        return f"{head} {value}"
    steps = " ".join(f"const {name} = {javascript_expression(step)};" for name, step in shared)
    return f"{head} {{ {steps} return {value}; }}"


def _stable(expression: sp.Expr) -> sp.Expr:
    """Round constants once, and write 1 + erf(u) as what does not cancel."""
    constant = lambda e: e.is_number and not e.is_Atom  # noqa: E731
    rounded = expression.replace(constant, lambda e: sp.Float(elementary(e).evalf(20), 17))
    return rounded.replace(_has_erf_and_one, _joined)


def _has_erf_and_one(e: sp.Expr) -> bool:
    return isinstance(e, sp.Add) and sp.Integer(1) in e.args and any(isinstance(a, sp.erf) for a in e.args)


def _joined(e: sp.Add) -> sp.Expr:
    found = next(a for a in e.args if isinstance(a, sp.erf))
    return e - found - 1 + _erf_plus_one(found.args[0])


def javascript_expression(e: sp.Expr) -> str:
    """Return an expression over numbers, symbols and the primitives in JavaScript.

    Args:
        e: Its symbols are printed by their names.

    Raises:
        UnsupportedInputError: A torch callable, which has no formula.

    Example:
        >>> from autoact.activations import X
        >>> javascript_expression(1 + 2 * X**2)
        '((2.0 * (x * x)) + 1.0)'
    """
    if isinstance(e, sp.Symbol):
        return str(e.name)
    if e.is_number:
        text = repr(float(elementary(e).evalf(20)))
        return _NUMBERS.get(text, text if text[0] != "-" else f"({text})")
    if isinstance(e, sp.Add):
        terms = sorted(e.args, key=lambda t: (t.is_number, order_key(t)))
        return "(" + " + ".join(map(javascript_expression, terms)) + ")"
    if isinstance(e, sp.Mul):
        return _product(e)
    if isinstance(e, sp.Pow):
        return _power(e)
    if isinstance(e, (p.limited, p.bessel)):
        return javascript_expression(e.lowered())
    arguments = [javascript_expression(a) for a in e.args]
    if isinstance(e, (sp.And, sp.Or)):
        return "(" + {sp.And: " && ", sp.Or: " || "}[type(e)].join(arguments) + ")"
    if isinstance(e, (p.select, p.guard)):
        return "({} ? {} : {})".format(*arguments)
    if isinstance(e, _erf_plus_one):
        return f"erfc(-{arguments[0]})"
    if isinstance(e, Relational):
        return f"({arguments[0]} {e.rel_op} {arguments[1]})"
    if type(e) not in _CALLS:
        raise UnsupportedInputError(f"{type(e).__name__} has no formula, so JavaScript cannot compute it.")
    return f"{_CALLS[type(e)]}({', '.join(arguments)})"


def _product(e: sp.Mul) -> str:
    inverse = [f for f in e.args if isinstance(f, sp.Pow) and f.exp.is_number and f.exp.is_negative]
    above = [javascript_expression(f) for f in e.args if f not in inverse] or ["1.0"]
    return "(" + " * ".join(above) + "".join(f" / {javascript_expression(1 / f)}" for f in inverse) + ")"


def _power(e: sp.Pow) -> str:
    base, exponent = javascript_expression(e.base), e.exp
    if exponent == 2 and isinstance(e.base, sp.Symbol):
        return f"({base} * {base})"
    if exponent == sp.Rational(1, 2):
        return f"Math.sqrt({base})"
    if exponent.is_Integer and exponent < 0:
        return f"(1.0 / {javascript_expression(1 / e)})"
    return f"Math.pow({base}, {javascript_expression(exponent)})"
