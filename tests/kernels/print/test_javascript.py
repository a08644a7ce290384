"""JavaScript source: what it looks like; that it computes what Python does is shown in tests/play."""

import pytest
import sympy as sp
import torch

from autoact import get, list_activations
from autoact.activations import X, opaque
from autoact.errors import UnsupportedInputError
from autoact.kernels.print import javascript_expression, javascript_function, javascript_library


def test_names_of_users_are_not_printed() -> None:
    evil = sp.Symbol("function", real=True)
    assert javascript_function((X, evil), X * evil) == "(a0, a1) => (a0 * a1)"


def test_equal_parts_are_computed_once() -> None:
    text = javascript_function((X,), sp.exp(X) + sp.sin(sp.exp(X)))
    assert text.count("Math.exp") == 1


def test_the_tail_of_gelu_does_not_cancel() -> None:
    assert "erfc(-" in javascript_function((X,), get("gelu").expression)


def test_a_torch_callable_is_refused() -> None:
    bessel = opaque("bessel", torch.special.i0e, 1)(X)
    with pytest.raises(UnsupportedInputError, match="bessel has no formula"):
        javascript_function((X,), bessel)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (-X, "((-1.0) * a0)"),
        (1 / X, "(1.0 / a0)"),
        (X**3, "Math.pow(a0, 3.0)"),
        (sp.sqrt(X), "Math.sqrt(a0)"),
        (sp.oo, "Infinity"),
    ],
)
def test_arithmetic(expression: sp.Expr, text: str) -> None:
    assert javascript_expression(expression.subs(X, sp.Symbol("a0", real=True))) == text


def test_whatever_is_called_is_defined() -> None:
    library = javascript_library()
    for act in map(get, list_activations()):
        text = javascript_function((X, *act.symbols), sp.diff(act.expression, X))
        called = {word.split("(")[0] for word in text.replace("(", "( ").split() if word.endswith("(")}
        for each in (word.lstrip("-") for word in called):
            known = not each or each.startswith("Math.") or f" {each} = (" in library
            assert known or f"function {each}(" in library, (act.name, each)
