"""Torch source text printed from expressions over the primitives, and functions made of it."""

from __future__ import annotations

import linecache
import logging
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import sympy as sp
import torch
from sympy.core.relational import Relational
from sympy.simplify.cse_main import tree_cse

from autoact.activations._opaque import FUNCTIONS
from autoact.activations.primitives import Primitive, elementary, select

log = logging.getLogger(__name__)
_serial = count()
_FUNCTIONS = {
    name: f"torch.{name}"
    for name in ("sin", "cos", "atan", "erf", "erfc", "sinh", "cosh", "asinh", "log", "exp")
}
_COMPARISONS = {">": "torch.gt", ">=": "torch.ge", "<": "torch.lt", "<=": "torch.le", "!=": "torch.ne"}


def torch_source(expression: sp.Expr) -> str:
    """Return the expression as Python source over torch.

    Args:
        expression: Over primitives and real symbols.

    Example:
        >>> import autoact
        >>> torch_source(autoact.get("silu").expression)
        'x*torch.sigmoid(x)'
    """
    if expression.is_number:
        return repr(float(elementary(expression).evalf(20)))
    if isinstance(expression, sp.Symbol):
        return str(expression.name)
    if isinstance(expression, sp.Add):
        return _sum(expression)
    if isinstance(expression, sp.Mul):
        return _product(expression)
    if isinstance(expression, sp.Pow):
        return _power(expression)
    if isinstance(expression, Relational):
        expression = expression.reversed if expression.lhs.is_number else expression
        left, right = torch_source(expression.lhs), torch_source(expression.rhs)
        return f"{_COMPARISONS[expression.rel_op]}({left}, {right})"
    if isinstance(expression, sp.And):
        return "(" + " & ".join(torch_source(a) for a in expression.args) + ")"
    if isinstance(expression, sp.Or):
        return "(" + " | ".join(torch_source(a) for a in expression.args) + ")"
    arguments = [torch_source(a) for a in expression.args]
    if isinstance(expression, select) and all(a.is_number for a in expression.args[1:]):
        arguments[1] = f"torch.full_like(x, {arguments[1]})"  # torch.where of two numbers would be float32
    if isinstance(expression, Primitive):
        return expression.code.format(*arguments)
    return f"{_FUNCTIONS[type(expression).__name__]}({', '.join(arguments)})"


def _sum(expression: sp.Add) -> str:
    """Print terms in an order of their own, so that equal sums round equally everywhere."""
    text = ""
    for term in sorted(expression.args, key=lambda t: (t.is_number, order_key(t))):
        printed = torch_source(term)
        text += printed if not text else f" - {printed[1:]}" if printed.startswith("-") else f" + {printed}"
    return text


def order_key(term: sp.Expr) -> str:
    """Sort key of a term: its text without numeric and parameter factors.

    Args:
        term: A product over the symbol x and parameters.

    Example:
        >>> x, a = sp.symbols("x a", real=True)
        >>> order_key(3 * a * x)
        'x'
    """
    return str(term.as_independent(sp.Symbol("x", real=True), as_Add=False)[1])


def _product(expression: sp.Mul) -> str:
    number, rest = expression.as_independent(*expression.free_symbols, as_Add=False)
    above: list[sp.Expr] = []
    below: list[sp.Expr] = []
    for factor in sp.Mul.make_args(rest):
        inverse = isinstance(factor, sp.Pow) and factor.exp.is_number and factor.exp.is_negative
        (below if inverse else above).append(1 / factor if inverse else factor)
    text = "*".join(_bracketed(f) for f in above)
    if number == -1 and text:
        text = f"-{text}"
    elif number != 1 or not text:
        text = "*".join([repr(float(number.evalf(20)))] + ([text] if text else []))
    return text + "".join(f"/{_bracketed(f)}" for f in below)


def _power(expression: sp.Pow) -> str:
    base, exponent = expression.args
    if exponent == 2:
        return f"torch.square({torch_source(base)})"
    if exponent.is_Integer and exponent < 0:
        return f"1.0/{_bracketed(base**-exponent)}"
    if exponent.is_Rational and exponent.q == 2:
        root = f"torch.{'sqrt' if exponent > 0 else 'rsqrt'}({torch_source(base)})"
        return root if exponent.p in (1, -1) else f"torch.pow({root}, {abs(exponent.p)})"
    return f"torch.pow({torch_source(base)}, {torch_source(exponent)})"


def _bracketed(expression: sp.Expr) -> str:
    text = torch_source(expression)
    plain = isinstance(expression, (sp.Symbol, Primitive)) and not isinstance(expression, sp.Pow)
    return text if plain and not text.startswith("(") else f"({text})"


def function_source(name: str, arguments: Sequence[str], outputs: Sequence[sp.Expr]) -> str:
    """Return the source of a function that computes several expressions, equal subtrees once.

    Args:
        name: Name of the function.
        arguments: Names of its arguments, in order.
        outputs: Expressions over symbols of these names; the function returns a tuple of as many.

    Example:
        >>> x = sp.Symbol("x", real=True)
        >>> print(function_source("f", ["x"], [x * 2]))
        def f(x):
            return (2.0*x,)
        <BLANKLINE>
    """
    symbols = (sp.Symbol(f"t{i}", real=True) for i in count())
    shared, reduced = tree_cse([_with_numbers(e) for e in outputs], symbols)
    lines = [f"def {name}({', '.join(arguments)}):"]
    lines += [f"    {symbol.name} = {torch_source(value)}" for symbol, value in shared]
    lines.append(f"    return ({', '.join(torch_source(e) for e in reduced)},)")
    return "\n".join(lines) + "\n"


def _with_numbers(expression: sp.Expr) -> sp.Expr:
    """Evaluate constants such as sqrt(2)/2 to one correctly rounded float each."""
    constant = lambda e: e.is_number and not e.is_Atom  # noqa: E731
    return expression.replace(constant, lambda e: sp.Float(elementary(e).evalf(20), 17))


def compile_source(name: str, source: str) -> Callable[..., Any]:
    r"""Turn generated source into a function whose lines tracebacks, inspect and Triton can read.

    Args:
        name: Name of the function in the source.
        source: Python over `torch`, `F` (torch.nn.functional) and opaque functions.

    Example:
        >>> compile_source("f", "def f(x):\n    return torch.relu(x)\n")(torch.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """
    filename = f"<autoact {name} {next(_serial)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    log.debug("%s\n%s", filename, source)
    called = {name: f for name, f in FUNCTIONS.items() if f"{name}(" in source}
    namespace: dict[str, Any] = {"torch": torch, "F": torch.nn.functional, **called}
    exec(compile(source, filename, "exec"), namespace)
    function: Callable[..., Any] = namespace[name]
    return function
