"""Free-form activations keep the registry's contract as far as it applies, and say where it does not."""

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline
from torch import nn

import autoact
from autoact import AutoActivation, analysis
from autoact.activations import FREE_FORM, free_form
from autoact.errors import ConfigurationError, UnknownActivationError

NAMES = ("rational", "linear_spline", "cubic_spline", "cubic_spline_17_6", "linear_spline_5_2")
SPLINES = NAMES[1:]


def any_values(name: str, seed: int = 0) -> dict[str, float]:
    drawn = np.random.default_rng(seed).normal(size=40)
    return {p.name: float(v) for p, v in zip(autoact.get(name).parameters, drawn, strict=False)}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_finds_it_and_no_list_shows_it(name: str) -> None:
    assert autoact.get(name) is autoact.get(name)
    assert autoact.get(name).family == FREE_FORM
    assert name not in autoact.list_activations()
    with pytest.raises(ConfigurationError, match="No family named 'free-form'"):
        autoact.SearchSpace.from_dict({"candidates": {"families": [FREE_FORM]}})


@pytest.mark.parametrize("name", ["cubic_spline_3", "linear_spline_34", "cubic_spline_9_0"])
def test_a_spline_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"4 to 33 knots on \[-R, R\] with R of at least 1"):
        autoact.get(name)


def test_other_names_are_still_unknown() -> None:
    assert free_form("cubic_spline_") is None
    with pytest.raises(UnknownActivationError):
        autoact.get("quartic_spline")


def test_its_name_is_taken() -> None:
    with pytest.raises(ConfigurationError, match="'rational' is taken"):

        @autoact.activation(family="test")
        def rational(x):
            return x


@pytest.mark.parametrize("name", SPLINES)
def test_a_spline_is_the_identity_at_first(name: str) -> None:
    x = torch.linspace(-9, 9, 101, dtype=torch.float64)
    assert torch.allclose(autoact.get(name)(x), x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["cubic_spline", "cubic_spline_17_6"])
def test_a_cubic_spline_is_that_of_scipy(name: str) -> None:
    c = list(any_values(name).values())
    reach = 6 if name.endswith("_6") else 4
    h = 2 * reach / (len(c) - 1)
    full = [2 * c[0] - c[1], *c, 2 * c[-1] - c[-2]]
    theirs = BSpline(-reach + h * np.arange(-3, len(c) + 3), full, 3)
    inside = np.linspace(-reach, reach, 201)
    ours = autoact.get(name)(torch.tensor(inside), **any_values(name)).numpy()
    assert np.abs(ours - theirs(inside)).max() < 1e-12
    left = autoact.get(name)(
        torch.tensor([-reach - 2.0, -reach - 1.0], dtype=torch.float64), **any_values(name)
    ).numpy()
    assert left[1] - left[0] == pytest.approx(float(theirs(-reach, 1)), abs=1e-12)


def test_a_linear_spline_has_its_coefficients_at_its_knots() -> None:
    values = any_values("linear_spline")
    y = autoact.get("linear_spline")(torch.arange(-4.0, 5.0, dtype=torch.float64), **values)
    assert np.allclose(y.numpy(), list(values.values()), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("name", "expected"), [("linear_spline_5", 0), ("cubic_spline_5", 2)])
def test_its_derivatives_are_counted(name: str, expected: int) -> None:
    assert analysis.smoothness(name, up_to=3, **any_values(name)) == expected


def test_a_rational_has_no_pole_and_all_derivatives() -> None:
    values = {key: 50 * value for key, value in any_values("rational").items()}
    assert bool(autoact.get("rational")(torch.linspace(-1e6, 1e6, 10_001), **values).isfinite().all())
    assert analysis.smoothness("rational", up_to=3, **values) == float("inf")


@pytest.mark.parametrize("name", NAMES)
def test_its_gradients_are_exact(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(12, generator=generator, dtype=torch.float64).mul(3).requires_grad_()
    values = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in any_values(name).values()]
    names = list(any_values(name))

    def value(x: torch.Tensor, *given: torch.Tensor) -> torch.Tensor:
        return autoact.get(name)(x, **dict(zip(names, given, strict=True)))

    assert torch.autograd.gradcheck(value, (x, *values))
    assert torch.autograd.gradgradcheck(value, (x, *values))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rational", "linear_spline_5", "cubic_spline_5"])
@pytest.mark.parametrize("others", [[], ["tanh"]])
def test_a_layer_of_it_learns_as_its_formula_says(name: str, others: list[str]) -> None:
    layer = AutoActivation([name, *others], settings={name: any_values(name)})
    x, grad = torch.randn(2, 300, 4, generator=torch.Generator().manual_seed(1)).unbind(0)
    layer(x).backward(grad)
    assert layer.raw.grad is not None
    found, learned = layer.raw.grad.double(), layer.values()
    wide = {p: learned[f"{name}.{p}"].detach().double().requires_grad_() for p in any_values(name)}
    share = layer.weights()[0].detach().double()
    (share * autoact.get(name)(x.double(), **wide) * grad.double()).sum().backward()
    expected = torch.stack([v.grad for v in wide.values() if v.grad is not None])
    assert torch.allclose(found[: len(expected)], expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "target", "error"),
    [
        ("rational", "relu", 0.011),
        ("rational", "silu", 1e-6),
        ("linear_spline", "relu", 1e-8),
        ("cubic_spline", "gelu", 3e-3),
        ("cubic_spline_17", "tanh", 1e-3),
    ],
)
def test_its_fit_to_an_activation_states_the_error(name: str, target: str, error: float) -> None:
    assert analysis.project(target, [name]).error < error


def test_a_model_begins_as_it_was_and_learns_a_shape() -> None:
    model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    before = model(x)
    autoact.convert(model, ["relu", "cubic_spline_5"])
    assert torch.equal(model(x), before)
    model(x).sum().backward()
    layer = model[1]
    assert isinstance(layer, autoact.AutoActivation)
    assert layer.logits.grad is not None
    assert layer.logits.grad.abs().sum() > 0


def test_what_is_finalized_is_plain() -> None:
    values = any_values("cubic_spline_5")
    model = nn.Sequential(AutoActivation(["cubic_spline_5"], settings={"cubic_spline_5": values}))
    x = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    expected = model(x)
    autoact.finalize(model)
    assert isinstance(model[0], autoact.FixedActivation)
    assert torch.allclose(model(x), expected, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_a_space_that_requires_derivatives_refuses_a_linear_spline() -> None:
    space = {"candidates": ["tanh", "linear_spline_5"], "require": {"smoothness": 2}}
    with pytest.raises(ConfigurationError, match="linear_spline_5 has 0 continuous derivatives with c0 = "):
        autoact.SearchSpace.from_dict(space)


@pytest.mark.slow
def test_a_space_that_requires_derivatives_takes_a_cubic_spline() -> None:
    space = {"candidates": ["tanh", "cubic_spline_5"], "require": {"smoothness": 2}}
    assert autoact.SearchSpace.from_dict(space).candidates == ("tanh", "cubic_spline_5")
