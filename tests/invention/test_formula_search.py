"""Formulas are found for curves that have one, from simple to near, and meet what is required."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from autoact.analysis import normal_quantiles
from autoact.errors import ConfigurationError
from autoact.invention import Formulas, find_formulas

Z = 1.3 * normal_quantiles(129) + 0.2
Array = np.ndarray


def found(function: Callable[[Array], Array], **settings: dict[str, object]) -> Formulas:
    return find_formulas(function(Z), (function(Z + 1e-6) - function(Z - 1e-6)) / 2e-6, Z, **settings)


@pytest.mark.slow
def test_the_front_falls_and_the_choice_is_the_knee() -> None:
    formulas = found(lambda x: 0.4 * x + 1 / (1 + x * x))
    sizes, errors = ([getattr(f, key) for f in formulas.front] for key in ("size", "error"))
    assert sizes == sorted(set(sizes))
    assert errors == sorted(errors, reverse=True)
    assert formulas.chosen.error < 1e-6
    assert formulas.chosen.source == "0.4*x + 1/(beta**2*x**2 + 1)"
    assert formulas.chosen.facts.smoothness == math.inf
    assert formulas.chosen.facts.growth == "linear"
    assert r"\beta^{2} x^{2}" in formulas.chosen.latex
    x = np.linspace(-2, 2, 9)
    assert np.allclose(formulas.chosen.at(x), 0.4 * x + 1 / (1 + x * x), atol=1e-6)


@pytest.mark.slow
def test_the_same_comes_twice() -> None:
    first, second = (found(lambda x: x * x * np.exp(-np.abs(x))) for _ in range(2))
    assert first.chosen.error < 1e-4
    assert [(f.source, f.error) for f in first.front] == [(f.source, f.error) for f in second.front]


@pytest.mark.slow
@pytest.mark.parametrize(
    "function",
    [
        pytest.param(lambda x: np.sin(2 * x) / (1 + np.exp(-x)), marks=pytest.mark.long, id="product"),
        pytest.param(lambda x: np.maximum(x, 0) + 0.3 * np.sin(3 * x), id="sum"),
        pytest.param(
            lambda x: np.logaddexp(0, x) * np.exp(-x * x / 3), marks=pytest.mark.long, id="inner scale"
        ),
    ],
)
def test_what_is_in_the_grammar_is_found(function: Callable[[Array], Array]) -> None:
    assert found(function).chosen.error < 1e-4


@pytest.mark.slow
def test_a_requirement_restricts_the_front() -> None:
    formulas = found(lambda x: np.abs(x) * np.exp(-np.abs(x)), require={"smoothness": 1})
    assert all((f.facts.smoothness or 0) >= 1 for f in formulas.front)
    assert any("0 continuous derivatives, 1 are required" in text for text in formulas.left_out)


def test_lengths_must_agree() -> None:
    with pytest.raises(ConfigurationError, match="values, slopes and nodes are of one length"):
        find_formulas(Z, Z[1:], Z)


def test_a_wrong_requirement_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="smoothness counts derivatives"):
        found(np.tanh, require={"smoothness": -1})
