"""Formulas as MathML: what is printed, and that names stay text."""

import re
from html import unescape

import pytest
import sympy as sp

from autoact import get, list_activations
from autoact.activations import X
from autoact.play._formulas import mathml


def words(expression: sp.Expr) -> str:
    """Return the text of a formula without its structure."""
    return unescape(re.sub(r"<[^<>]+>", "", mathml(expression)))


@pytest.mark.parametrize("name", list_activations())
def test_every_formula_is_written_without_names_of_primitives(name: str) -> None:
    said = set(re.findall(r"[a-z0-9]+", words(get(name).expression)))
    assert not said & {"expm1", "pos", "neg", "guard", "select", "clip", "softplus", "piecewise"}


def test_formulas_read_as_people_write_them() -> None:
    assert words(get("elu").expression) == "α(emin(0,x)-1)+max(0,x)"
    assert words(get("hill").expression).startswith("{σ(nlog(")
    assert words(get("hill").expression).endswith("else")


def test_names_are_text() -> None:
    assert words(X + sp.Symbol("<b>bold")) == "<b>bold+x"
