"""Fits find the constants of a form, and refuse what cannot be fitted."""

import numpy as np
import pytest

from autoact.analysis import normal_quantiles
from autoact.errors import DataError
from autoact.invention import Curve, Form, trees
from autoact.invention._fits import polished
from autoact.invention._trees import size_of

Z = normal_quantiles(129)
BELL = next(tree for tree in trees() if str(tree.expression) == "exp(-x**2)")


def test_constants_are_found() -> None:
    u = 1.3 * (Z - 0.2)
    curve = Curve(Z, 0.5 + 0.4 * Z - 2 * np.exp(-u * u), 0.4 + 4 * 1.3 * u * np.exp(-u * u))
    found = polished(curve, Form(terms=(BELL,), line=True, inner=(0.8, 0.0, 1.0)))
    assert found.error < 1e-8
    assert np.allclose(found.inner[:2], (1.3, 0.2))
    assert np.allclose(found.outer, (0.5, 0.4, -2.0))
    assert np.allclose(found.at(Z), curve.values)


def test_a_form_without_shift_stays_without() -> None:
    curve = Curve(Z, np.exp(-((Z - 0.3) ** 2)), -2 * (Z - 0.3) * np.exp(-((Z - 0.3) ** 2)))
    found = polished(curve, Form(terms=(BELL,), line=False, shifted=False, inner=(1.0, 0.3, 1.0)))
    assert found.inner[1] == 0
    assert found.error > 0.1


def test_the_size_counts_nodes() -> None:
    plain = Form(terms=(BELL,), line=False, shifted=False, inner=(1.0, 0.0, 1.0))
    assert plain.size == size_of(BELL.expression) + 2
    assert Form(terms=(BELL,), line=True, inner=(1.0, 0.0, 1.0)).size == plain.size + 2 + 3


@pytest.mark.parametrize(
    ("nodes", "values", "message"),
    [
        (Z, np.where(Z > 2, np.nan, Z), "value that is not finite, at x = 2"),
        (np.append(Z[:-1], np.inf), Z, "input that is not finite"),
        (Z[:15], Z[:15], "16 different inputs or more; got 15"),
        (np.repeat(Z[:10], 3), np.repeat(Z[:10], 3), "16 different inputs or more; got 10"),
        (Z, np.ones_like(Z), "constant"),
    ],
)
def test_what_cannot_be_fitted_is_refused(nodes: np.ndarray, values: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Curve(nodes, values, np.zeros_like(nodes))
