"""Counts, fits, flow and bounds of the page against autoact.geometry, autoact.analysis and the examples."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import least_squares
from torch import nn

from autoact import Choice, analysis, geometry, get
from autoact.nn import module_for
from autoact.play._printed_functions import described
from scripts.examples import bounded_weights
from tests.dashboard.browser import needs_browser
from tests.play.conftest import Page

pytestmark = [pytest.mark.slow, needs_browser]
CROSS = [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]


def layers() -> list[tuple[list[list[float]], list[float]]]:
    """Return layers in general position, and ones with equal, parallel and concurrent lines."""
    draw = np.random.default_rng(0)
    special = [
        (CROSS, [0.0] * 4),
        (CROSS, [1.0] * 4),
        ([[1.0, 1.0]] * 3, [0.0, 1.0, 2.0]),
        ([[0.0, 0.0]], [1.0]),
    ]
    drawn = [(draw.normal(size=(m, 2)).tolist(), draw.normal(size=m).tolist()) for m in range(1, 9)]
    through = [(draw.normal(size=(m, 2)).tolist(), [0.0] * m) for m in (2, 5, 8)]
    return [*special, *drawn, *through]


def pieces(name: str) -> dict[str, Any]:
    found = described(get(name))["pieces"]
    assert found is not None
    return found


@pytest.mark.long
def test_counts_are_pythons(page: Page) -> None:
    page.open("carve")
    for weights, biases in layers():
        for name in ("relu", "hardtanh", "relu6"):
            found = page.call(
                "arrangement", "countRegions", {"weights": weights, "biases": biases}, pieces(name)
            )
            assert found == geometry.count_regions(
                torch.tensor(weights).double(), torch.tensor(biases).double(), name
            )
    for m in range(9):
        for kinks in (1, 2, 3):
            assert page.call("arrangement", "zaslavskyBound", m, 2, kinks) == geometry.zaslavsky_bound(
                m, 2, kinks=kinks
            )
        assert page.call("arrangement", "zaslavskyBound", m, 2, 1, True) == geometry.zaslavsky_bound(
            m, 2, central=True
        )


@pytest.mark.long
def test_the_number_shown_follows_what_is_dragged(page: Page) -> None:
    browser = page.open("carve")
    number = "document.querySelector('#panel-carve .statistic strong').textContent"

    def expected() -> str:
        (layer,) = page.state("carve")["layers"]
        tensors = [torch.tensor(layer[key], dtype=torch.float64) for key in ("weights", "biases")]
        return str(geometry.count_regions(*tensors))

    assert browser.run(number) == expected() == "11"
    page.drag(".neuron .move", (290, -30))
    moved = page.state("carve")["layers"][0]["biases"][0]
    assert moved < -2
    assert browser.run(number) == expected()
    for _ in range(24):  # the keyboard turns the focused neuron
        browser.press("ArrowLeft")
        assert browser.run(number) == expected()
    turned = math.radians(20 + 24 * 3)
    assert page.state("carve")["layers"][0]["weights"][0] == pytest.approx(
        [math.cos(turned), math.sin(turned)]
    )
    browser.click("#panel-carve .toggle input")
    assert browser.run(number) == expected() == "8"


def network(parts: list[dict[str, Any]], name: str) -> nn.Sequential:
    """Return a network of the page's layers in float64."""
    modules: list[nn.Module] = []
    for part in parts:
        weight = torch.tensor(part["weights"], dtype=torch.float64)
        linear = nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(weight)
            linear.bias.copy_(torch.tensor(part["biases"], dtype=torch.float64))
        modules += [linear, module_for(Choice(name))]
    return nn.Sequential(*modules)


@pytest.mark.long
def test_regions_of_two_layers_and_patterns_are_pythons(page: Page) -> None:
    page.open("carve")
    draw = np.random.default_rng(1)
    square = [[-3, -3], [3, -3], [3, 3], [-3, 3]]
    for name in ("relu", "leaky_relu", "hardtanh", "abs"):
        for m, n in ((3, 2), (5, 4), (8, 6)):
            parts = [
                {"weights": draw.normal(size=size).tolist(), "biases": draw.normal(size=size[0]).tolist()}
                for size in ((m, 2), (n, m))
            ]
            found = page.call("arrangement", "regionsOf", parts, pieces(name), square)
            model = network(parts, name)
            corners = [
                torch.tensor(each, dtype=torch.float64) for each in ([-3.0, -3.0], [3.0, -3.0], [-3.0, 3.0])
            ]
            assert len(found) == len(geometry.slice_regions(model, *corners))
            kinks = len(pieces(name)["kinks"])
            most = page.call("arrangement", "montufarBound", [m, n], 2, kinks)
            first = geometry.zaslavsky_bound(m, 2, kinks=kinks)
            assert most == first * geometry.zaslavsky_bound(n, min(2, m), kinks=kinks) >= len(found)
            at = draw.normal(size=2).tolist()
            own = page.call("arrangement", "patternAt", parts, pieces(name), at)[0]
            weight, bias = (torch.tensor(parts[0][key], dtype=torch.float64) for key in ("weights", "biases"))
            assert own == geometry.activation_patterns(weight, bias, at, name).int().tolist()


def best_in_python(name: str, x: np.ndarray, y: np.ndarray) -> float:
    """Return the smallest error that 40 random starts of scipy find within the page's bounds."""
    own = [each for each in described(get(name))["parameters"] if each["free"]]
    low = np.array([math.log(1 / 16), -8.0, *(each["low"] for each in own)])
    high = np.array([math.log(16), 8.0, *(each["high"] for each in own)])
    draw = np.random.default_rng(2)

    def rest(theta: np.ndarray, sign: int) -> np.ndarray:
        values = {each["name"]: float(v) for each, v in zip(own, theta[2:], strict=True)}
        u = get(name)(torch.from_numpy(sign * math.exp(theta[0]) * x + theta[1]), **values).numpy()
        design = np.stack([u, np.ones_like(u)], 1)
        return y - design @ np.linalg.lstsq(design, y, rcond=None)[0]

    found = [
        least_squares(rest, draw.uniform(low, high), bounds=(low, high), args=(sign,), max_nfev=100).cost
        for sign in (1, -1)
        for _ in range(20)
    ]
    return math.sqrt(2 * min(found) / len(y)) / float(y.std())


@pytest.mark.long
@pytest.mark.parametrize("target", ["asymmetric", "dose", "wave", "bump"])
def test_fits_are_what_python_computes_and_cannot_better(page: Page, target: str) -> None:
    browser = page.open("match")
    page.fitted()
    page.choose("#panel-match select", target)
    assert browser.run("document.querySelector('[data-done]')") is None  # it is fitted anew
    state = page.fitted()
    x, y = np.array(state["x"]), np.array(state["y"])
    errors = [each["error"] for each in state["fits"]]
    assert errors == sorted(errors)
    assert len(errors) > 40
    for each in state["fits"]:
        own = dict(zip(get(each["name"]).defaults, each["parameters"], strict=True))
        phi = get(each["name"])(torch.from_numpy(each["b"] * x + each["c"]), **own).numpy()
        error = float(np.sqrt(np.mean((each["a"] * phi + each["d"] - y) ** 2)) / y.std())
        assert each["error"] == pytest.approx(error, rel=1e-6, abs=1e-9), each["name"]
    for each in state["fits"]:
        if each["name"] in ("relu", "elu", "tanh", "silu", "gaussian", "sin"):
            least = best_in_python(each["name"], x, y)
            assert each["error"] <= 1.01 * least + 1e-6, (each["name"], each["error"], least)
    if target == "asymmetric":
        best = state["fits"][0]
        assert (best["name"], best["parameters"]) == ("elu", pytest.approx([0.3], abs=1e-5))
        candidates = [each["name"] for each in state["fits"]]
        projected = analysis.project(lambda t: torch.where(t >= 0, t, 0.3 * torch.expm1(t)), candidates, x)
        assert projected.activation == "elu"


@pytest.mark.long
@pytest.mark.parametrize(("name", "variance"), [("relu", 2.0), ("tanh", 1.0), ("silu", 1 / 3), ("elu", 1.5)])
def test_flow_is_that_of_profile(page: Page, name: str, variance: float) -> None:
    browser = page.open("carve")
    depth, width, batch = 6, 16, 8
    values = list(get(name).defaults.values())
    derivatives = f"autoactPlay.activations.find((each) => each.name === '{name}').derivatives"
    browser.run(f"drawn = autoactPlay.modules.network.randomNetwork({depth}, {width}, {batch}, 7), 0")
    browser.run(f"acts = {derivatives}.map((f) => (x) => f(x, ...{values})), 0")
    found = browser.run(f"autoactPlay.modules.network.flowOf(acts[0], acts[1], drawn, {depth}, {variance})")
    drawn = browser.run(
        "({inputs: [...drawn.inputs], signs: [...drawn.signs], layers: drawn.layers.map((e) => [...e])})"
    )
    scale = math.sqrt(variance)
    parts = [
        {"weights": (scale * np.array(layer).reshape(width, width)).tolist(), "biases": [0.0] * width}
        for layer in drawn["layers"]
    ]
    model = network(parts, name)
    x = torch.tensor(drawn["inputs"], dtype=torch.float64).view(batch, width)
    signs = torch.tensor(drawn["signs"], dtype=torch.float64)
    expected = geometry.profile(model, [x], loss=lambda m, b: (m(b) * signs).sum())
    for layer, own in zip(found, expected.values(), strict=True):
        for key in ("kappa", "chi", "dead", "gradient"):
            assert layer[key] == pytest.approx(getattr(own, key), rel=2e-6, abs=1e-9), (key, own.path)
    weights = np.concatenate([np.array(layer) for layer in drawn["layers"]]) * math.sqrt(width)
    assert abs(weights.mean()) < 0.1
    assert abs(weights.std() - 1) < 0.1


@pytest.mark.long
@pytest.mark.parametrize("name", ["tanh", "gaussian", "silu", "relu"])
def test_bounded_networks_are_those_of_the_example(page: Page, name: str) -> None:
    browser = page.open("carve")
    phi = f"autoactPlay.activations.find((each) => each.name === '{name}').derivatives[0]"
    target = "(x) => Math.sin(3 * Math.PI * x)"
    for width, scale, bound in ((8, 1, 1), (32, 1, 1), (32, 4, 1), (32, 16, 0.5), (64, 8, 2)):
        made = f"autoactPlay.modules.power_model.boundedFit({phi}, {target}, {width}, {scale}, {bound})"
        found = browser.run(
            f"(() => {{ const f = {made}; return [f.error, Math.max(...f.weights.map(Math.abs))]; }})()"
        )
        expected = bounded_weights.error(bounded_weights.fitted(name, width, scale, bound))
        assert found[0] == pytest.approx(expected, rel=1e-6, abs=1e-8), (width, scale, bound)
        assert found[1] <= bound
    cubic = browser.run(f"autoactPlay.modules.power_model.cubicError({target})")
    assert cubic == pytest.approx(bounded_weights.best_polynomial_error(3), rel=1e-9)


@pytest.mark.long
def test_what_is_drawn_is_fitted_and_what_is_shown_is_what_was_fitted(page: Page) -> None:
    browser = page.open("match")
    before = page.fitted()
    page.drag(".drawing svg", (60, -40), (120, 30), (180, -60))
    state = page.fitted()
    middle = len(state["x"]) // 2
    assert state["y"][: middle - 5] == before["y"][: middle - 5]
    assert state["y"][middle + 30] != before["y"][middle + 30]
    shown = browser.run("[...document.querySelectorAll('.ranking button')].map((e) => e.textContent)")
    assert shown == [f"{each['name']}{float(format(each['error'], '.2g')):g}" for each in state["fits"]]
    browser.run("document.querySelector('.drawing').focus()")
    browser.press("ArrowUp")
    browser.wait("!document.querySelector('[data-done]')")
    assert page.fitted()["y"][middle] == pytest.approx(state["y"][middle] + 0.1)


@pytest.mark.long
def test_numbers_of_flow_and_power_are_pythons(page: Page) -> None:
    browser = page.open("flow")
    rows = "[...document.querySelectorAll('#panel-flow tbody tr')]"
    cells = f"{rows}.map((e) => [...e.cells].map((c) => c.textContent))"
    for start, variance in {"gain": None, "third": 1 / 3}.items():
        page.choose("#panel-flow select", start)
        for name, _, _, kappa, chi in browser.run(cells):
            assert float(kappa) == pytest.approx(analysis.gradient_noise(name), rel=5e-3)
            assert float(chi) == pytest.approx(analysis.chi(name, variance), rel=5e-3)
    browser = page.open("power")
    shown = browser.run(
        "[...document.querySelectorAll('#panel-power strong')].map((e) => Number(e.textContent))"
    )
    error = bounded_weights.error(bounded_weights.fitted("tanh", 32, 2))
    assert shown == pytest.approx([error, bounded_weights.best_polynomial_error(3)], rel=5e-3)
