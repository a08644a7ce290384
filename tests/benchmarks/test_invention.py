"""The benchmark of inventions measures what it says."""

from pathlib import Path

import pytest

from autoact.invention import Form, FoundFormula, trees
from scripts.benchmarks.invention import affine_error, form_error, kept, row
from scripts.benchmarks.teachers.functions import COUNTED, DEVELOPMENT, REGISTERED, registered_error


def formula(expression: str, beta: float, mu: float) -> FoundFormula:
    tree = next(tree for tree in trees() if str(tree.expression) == expression)
    return FoundFormula(Form(terms=(tree,), line=False, inner=(beta, mu, 1.0), outer=(0.5, -2.0)))


def test_affine_changes_are_undone() -> None:
    assert affine_error("x exp(-x²)", formula("x*exp(-x**2)", 0.7, 0.4)) < 1e-6
    assert affine_error("x exp(-x²)", formula("exp(-x**2)", 1.0, 0.0)) > 0.1


def test_a_form_is_fitted_to_the_teacher() -> None:
    assert form_error("tanh(x)²", formula("tanh(x)**2", 0.7, 0.4)) < 1e-6
    assert form_error("tanh(x)²", formula("exp(-x**2)", 0.7, 0.4)) > 0.01


def test_ten_are_counted_and_none_of_them_chose_a_setting() -> None:
    assert len(COUNTED) == 10
    assert not set(COUNTED) & {*DEVELOPMENT, *REGISTERED}


def test_the_function_that_is_registered_is_known_as_that() -> None:
    assert registered_error("x + sin(x)²", "snake") < 1e-3
    assert registered_error("x exp(-x²)", "tanh") > 0.1


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    assert kept(tmp_path / "a.json", lambda: {"error": 1}) == {"error": 1}
    assert kept(tmp_path / "a.json", pytest.fail) == {"error": 1}


def test_a_row_shows_what_was_found() -> None:
    result = {
        **{"formula": "x", "error": 0.002, "form_error": 0.5, "shape_error": 0.01, "network": 0.0101},
        "registered": ("tanh", 0.25),
    }
    assert row("f", result) == ("f", "`x`", "0.20 %", "no", "1.00 %", "1.01 %", "tanh 25.0 %")
