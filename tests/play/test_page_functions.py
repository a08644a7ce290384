"""The page's functions and facts against Python's, for every registered activation."""

import math
from typing import Any

import numpy as np
import pytest

from autoact import analysis, get, list_activations
from autoact.play._printed_functions import described
from tests.dashboard.browser import needs_browser
from tests.play.conftest import Page

pytestmark = [pytest.mark.slow, needs_browser]
BUILT_IN = list_activations()
GRID = np.unique([*np.linspace(-6, 6, 97), *np.linspace(-40, 40, 41), -1.0, -0.5, 0.5, 3.0, 1e-9, -1e-9])


def settings(name: str) -> list[list[float]]:
    """Return the default parameters, and values a third of the way along their sliders."""
    own = described(get(name))["parameters"]
    third = [each["low"] + (each["high"] - each["low"]) / 3 for each in own]
    return [[each["start"] for each in own], *([third] if own else [])]


def computed(page: Page, name: str, values: list[float]) -> list[list[float]]:
    """Return f, f' and f'' on the grid as the page computes them."""
    made = (
        f"autoactPlay.activations.find((each) => each.name === '{name}').derivatives"
        f".map((f) => {GRID.tolist()}.map((x) => String(f(x, ...{values}))))"
    )
    return [[float(y) for y in row] for row in page.browser.run(made)]


def test_values_and_derivatives_are_pythons(page: Page) -> None:
    page.open("carve")
    for name in BUILT_IN:
        for values in settings(name):
            own = dict(zip(get(name).defaults, values, strict=True))
            of = analysis.subject(name, **own)
            for order, found in enumerate(computed(page, name, values)):
                expected = of(GRID, order)
                finite = np.isfinite(expected)
                assert (np.isfinite(found) == finite).all(), (name, values, order)
                np.testing.assert_allclose(
                    np.array(found)[finite], expected[finite], 1e-6, 1e-12, err_msg=f"{name} {own} {order}"
                )


def named(name: str) -> str:
    return f"autoactPlay.activations.find((each) => each.name === '{name}')"


def bound(name: str, values: list[float]) -> str:
    return f"{named(name)}.derivatives.map((f) => (x) => f(x, ...{values}))"


@pytest.mark.long
def test_moments_are_pythons(page: Page) -> None:
    page.open("carve")
    for name in BUILT_IN:
        for values in settings(name):
            own: dict[str, Any] = dict(zip(get(name).defaults, values, strict=True))
            made = f"autoactPlay.modules.moments.momentsOf(...{bound(name, values)}.slice(0, 2))"
            keys = "['gain', 'kappa', 'chi', 'second']"
            found = [float(each) for each in page.browser.run(f"{keys}.map((key) => String({made}[key]))")]
            expected = [
                analysis.gain(name, **own),
                analysis.gradient_noise(name, **own),
                analysis.chi(name, **own),
                analysis.slope_moment(name, **own),
            ]
            assert found == pytest.approx(expected, rel=1e-6), (name, own)


@pytest.mark.long
def test_smoothness_is_pythons(page: Page) -> None:
    page.open("carve")
    cases: list[tuple[str, dict[str, Any]]] = [(name, {}) for name in list_activations()]
    cases += [("elu", {"alpha": 0.5}), ("celu", {"alpha": 0.5}), ("prelu", {"slope": 1.0})]
    cases += [("hill", {"n": 1.0}), ("hill", {"n": 1.5}), ("hill", {"n": 3.0}), ("smelu", {"beta": 2.0})]
    for name, own in cases:
        values = list(get(name).settings(**own).values())
        made = f"autoactPlay.modules.moments.smoothnessOf({bound(name, values)}, -10, 10)"
        expected = min(analysis.smoothness(name, up_to=3, **own), 2)
        assert page.browser.run(f"{made}.order") == expected, (name, own)


@pytest.mark.long
def test_erf_is_exact_to_the_last_digits(page: Page) -> None:
    page.open("carve")
    x = np.linspace(-7, 27, 3001)
    for name, of in {"erf": math.erf, "erfc": math.erfc}.items():
        rows = f"{x.tolist()}.map((x) => autoactPlay.{name}(x))"
        np.testing.assert_allclose(page.browser.run(rows), [of(each) for each in x], 2e-15, 1e-306)


@pytest.mark.long
def test_what_is_shown_is_what_python_says(page: Page) -> None:
    browser = page.open("smooth")
    shown = browser.run(
        "[...document.querySelectorAll('#panel-smooth .statistic strong')].map((e) => e.textContent)"
    )
    facts = analysis.facts("elu")
    assert shown == ["C¹", f"{facts.gradient_noise:.5g}", f"{facts.gain:.5g}"]
    browser.slide("#panel-smooth input[type=range]", 0)  # alpha, at the lower end of what a search tries
    browser.wait("document.querySelector('#panel-smooth .statistic strong').textContent === 'C⁰'")
    shown = browser.run("document.querySelectorAll('#panel-smooth .statistic strong')[1].textContent")
    assert shown == f"{analysis.gradient_noise('elu', alpha=0.1):.5g}"
