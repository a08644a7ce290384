"""Straight pieces of networks against dense grids: modules, functions, convolutions, searched layers."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import autoact
from autoact.errors import ConfigurationError, UnsupportedInputError
from autoact.geometry import curvature, linear_pieces, slice_regions


class Functional(nn.Module):
    """Calls instead of modules, a residual connection, a maximum of two branches."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(5, 12), nn.Linear(12, 12), nn.Linear(12, 2)

    def forward(self, x):
        h = F.relu(self.a(x))
        h = h + F.leaky_relu(self.b(h), 0.2).clamp(max=1.5)
        return torch.maximum(self.c(h), self.c(h.flip(1)).abs())


def perceptron(act: nn.Module, depth: int = 3, width: int = 12) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Linear(5, width), act]
    for _ in range(depth - 1):
        layers += [nn.Linear(width, width), copy.deepcopy(act)]
    return nn.Sequential(*layers, nn.Linear(width, 2))


def searched() -> Any:
    model = autoact.convert(
        perceptron(nn.ReLU()), ["relu", "prelu", "hardtanh", "leaky_relu"], start="uniform"
    )
    for layer in autoact.auto_layers(model).values():
        nn.init.normal_(layer.logits)
        nn.init.normal_(layer.raw)
    return model


def convolutional() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 3, 3),
        nn.BatchNorm2d(3),
        nn.ReLU6(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(),
        nn.Linear(27, 2),
    )


class Comparing(nn.Module):
    """Comparisons, maxima along a dimension and sorting in place of activations."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(5, 12), nn.Linear(6, 8), nn.Linear(8, 2)

    def forward(self, x):
        h = self.a(x)
        h = torch.where(h > 0.1, h - 0.1, 0.0 * h) + h * (h < 0)
        h = self.b(h.view(-1, 6, 2).max(-1).values)
        return self.c(h.sort(dim=1).values) + F.threshold(h.amax(1, keepdim=True), 0.2, 0.2)


def per_channel() -> nn.Sequential:
    """Weights per channel, and one with parameters per channel."""
    searched = autoact.AutoActivation(["relu", "prelu", "hardtanh"], granularity="channel", channels=12)
    nn.init.normal_(searched.logits)
    nn.init.normal_(searched.raw)
    slopes = autoact.FixedActivation("leaky_relu", negative_slope=(0.1, -0.5, 0.7))
    return nn.Sequential(nn.Linear(5, 12), searched, nn.Linear(12, 3), slopes, nn.Linear(3, 2))


def pooled() -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(5, 72),
        nn.Unflatten(1, (2, 6, 6)),
        nn.MaxPool2d(3, 2, padding=1),
        nn.Flatten(2),
        nn.MaxPool1d(3, 2, padding=1),
        nn.Flatten(),
    )


MODELS: dict[str, Callable[[], Any]] = {
    "relu": lambda: perceptron(nn.ReLU()),
    "relu in place": lambda: perceptron(nn.ReLU(inplace=True)),
    "prelu": lambda: perceptron(nn.PReLU(12)),
    "hardtanh": lambda: perceptron(nn.Hardtanh(-0.5, 0.7)),
    "softshrink": lambda: perceptron(nn.Softshrink(0.1)),
    "abs": lambda: perceptron(autoact.FixedActivation("abs")),
    "functional": Functional,
    "comparing": Comparing,
    "searched": searched,
    "per channel": per_channel,
    "pooled": pooled,
    "convolutional": convolutional,
}


def kinks_on_grid(model: nn.Module, start: torch.Tensor, end: torch.Tensor, points: int) -> np.ndarray:
    """Middle of every run of grid cells in which the slope changes: knows nothing of activations."""
    t = torch.linspace(0, 1, points, dtype=torch.float64)
    model = model.double().eval()
    with torch.no_grad():
        parts = t.view(-1, *[1] * start.dim()).split(100_000)
        y = torch.cat([model(start + part * (end - start)).flatten(1) for part in parts]).numpy()
    change = np.abs(np.diff(y, 2, axis=0)).max(1) * (points - 1)
    slope = np.abs(np.diff(y, axis=0)).max() * (points - 1)
    where = np.flatnonzero(change > 1e-7 * slope) + 1
    runs = np.split(where, np.flatnonzero(np.diff(where) > 1) + 1) if where.size else []
    return np.array([run.mean() for run in runs]) / (points - 1)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_pieces_against_a_grid(name, seed):
    torch.manual_seed(seed)
    model = MODELS[name]()
    shape = (1, 8, 8) if name == "convolutional" else (5,)
    start, end = (3 * torch.randn(shape, dtype=torch.float64) for _ in range(2))
    found = linear_pieces(model, start, end)
    inner = found.breakpoints[1:-1]
    points = 100_001
    grid = kinks_on_grid(model, start, end, points)
    apart = np.diff(found.breakpoints).min() > 4 / points  # else the grid sees two kinks as one
    if apart:
        assert len(inner) == len(grid)
    assert len(grid) > 0
    assert np.abs(grid[:, None] - inner).min(1).max() < 2 / points
    assert np.abs(inner[:, None] - grid).min(1).max() < 4 / points
    at = torch.rand(200, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    piece = np.searchsorted(found.breakpoints, at.numpy()) - 1
    line = found.values[piece] + found.slopes[piece] * (at.numpy() - found.breakpoints[piece])[:, None]
    want = model.double().eval()(start + at.view(-1, *[1] * start.dim()) * (end - start)).detach().numpy()
    np.testing.assert_allclose(line, want, rtol=0, atol=1e-9 * np.abs(want).max())


def test_against_a_million_points():
    torch.manual_seed(5)
    model, start, end = (
        perceptron(nn.LeakyReLU(0.1), depth=4, width=24),
        *torch.randn(2, 5, dtype=torch.float64),
    )
    found, grid = linear_pieces(model, start, end), kinks_on_grid(model, start, end, 1_000_001)
    assert len(found) == len(grid) + 1 > 20
    np.testing.assert_allclose(found.breakpoints[1:-1], grid, rtol=0, atol=2e-6)


def test_the_model_is_left_as_it_is():
    model = convolutional().train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    linear_pieces(model, torch.randn(1, 8, 8), torch.randn(1, 8, 8))
    assert model.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert not any(m._forward_pre_hooks for m in model.modules())


def test_kinks_that_later_layers_hide_are_no_pieces():
    first, last = nn.Linear(1, 2), nn.Linear(2, 1)
    model = nn.Sequential(first, nn.ReLU(), last)
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[1.0], [-1.0]]))
        first.bias.zero_()
        last.weight.copy_(torch.tensor([[1.0, -1.0]]))  # relu(x) - relu(-x) = x
    found = linear_pieces(model, [-1.0], [2.0])
    assert len(found) == 1
    assert found.crossings.tolist() == pytest.approx([1 / 3])
    assert found.slopes.ravel().tolist() == pytest.approx([3.0])


@pytest.mark.parametrize("odd", [nn.Tanh(), nn.Softmax(1), nn.GELU()])
def test_other_networks_are_refused(odd):
    model = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 4), odd)
    with pytest.raises(
        ConfigurationError, match=rf"not piecewise linear.*{type(odd).__name__}.*geometry\.curvature"
    ):
        linear_pieces(model, torch.zeros(5), torch.ones(5))
    with pytest.raises(ConfigurationError, match=rf"not piecewise linear.*{type(odd).__name__}"):
        slice_regions(model, torch.zeros(5), torch.ones(5), torch.randn(5))


def test_a_smooth_candidate_is_named():
    model = autoact.convert(perceptron(nn.ReLU()), ["relu", "silu"], start="uniform")
    with pytest.raises(
        ConfigurationError, match=r"is not piecewise linear: around x = .*geometry\.curvature"
    ):
        linear_pieces(model, torch.zeros(5), torch.ones(5))


def test_wrong_inputs():
    with pytest.raises(UnsupportedInputError, match=r"start has shape \(5,\), end \(4,\)"):
        linear_pieces(perceptron(nn.ReLU()), torch.zeros(5), torch.zeros(4))
    with pytest.raises(UnsupportedInputError, match="end has values that are not finite"):
        linear_pieces(perceptron(nn.ReLU()), torch.zeros(5), torch.full((5,), torch.inf))
    with pytest.raises(UnsupportedInputError, match="origin, right and up have shapes"):
        slice_regions(perceptron(nn.ReLU()), torch.zeros(5), torch.zeros(4), torch.zeros(5))
    with pytest.raises(UnsupportedInputError, match=r"inputs of shape \(2, 4\), 0\.weight \(12, 5\)"):
        linear_pieces(perceptron(nn.ReLU()), torch.zeros(4), torch.ones(4))
    with pytest.raises(UnsupportedInputError, match="model is a function, not a module"):
        linear_pieces(F.relu, torch.zeros(5), torch.ones(5))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["relu", "hardtanh", "functional", "searched"])
def test_regions_of_a_slice_are_affine_and_cover_it(name):
    torch.manual_seed(2)
    model = MODELS[name]()
    origin, right, up = 3 * torch.randn(3, 5, dtype=torch.float64)
    found = slice_regions(model, origin, right, up)
    assert len(found) > 10
    assert found.areas.sum() == pytest.approx(1.0, abs=1e-9)
    draw = np.random.default_rng(0)
    shares = [draw.dirichlet(np.ones(len(p))) for p in found.polygons]
    places = np.array([s @ p for s, p in zip(shares, found.polygons, strict=True)])
    want = np.array([s @ v for s, v in zip(shares, found.values, strict=True)])
    a, b = torch.from_numpy(places).T[..., None]
    got = model.double().eval()(origin + a * (right - origin) + b * (up - origin)).detach().numpy()
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-9 * np.abs(want).max())


def test_a_slice_has_as_many_regions_as_its_layer():
    """In a plane that holds all crossings a slice of one layer shows every region of it."""
    from autoact.geometry import count_regions

    for seed in range(5):
        draw = torch.Generator().manual_seed(seed)
        layer = nn.Linear(2, 6)
        with torch.no_grad():
            layer.weight.copy_(torch.randn(6, 2, generator=draw))
            layer.bias.copy_(torch.randn(6, generator=draw))
        far = 1e4
        found = slice_regions(nn.Sequential(layer, nn.ReLU()), [-far, -far], [far, -far], [-far, far])
        assert len(found) == count_regions(layer.weight, layer.bias) == 22


@pytest.mark.parametrize("name", ["relu", "hardtanh"])
def test_curvature_finds_the_kinks_of_piecewise_linear_networks(name):
    torch.manual_seed(8)
    model, (start, end) = MODELS[name](), torch.randn(2, 5, dtype=torch.float64)
    found, exact = curvature(model, start, end, points=200_001), linear_pieces(model, start, end)
    assert len(found) == len(exact) - 1
    np.testing.assert_allclose(found.bends, exact.breakpoints[1:-1], rtol=0, atol=1e-5)
    assert found.total == pytest.approx(np.linalg.norm(np.diff(exact.slopes, axis=0), axis=1).sum(), rel=1e-3)


def test_curvature_of_smooth_networks():
    """Of a sine over two periods |f''| peaks four times, and its integral is 2 per quarter."""
    wave = autoact.FixedActivation("sin")
    found = curvature(wave, [0.0], [4 * np.pi])
    assert len(found) == 4
    assert found.total == pytest.approx(8 * 4 * np.pi, rel=1e-4)
    with pytest.raises(ConfigurationError, match="points=2"):
        curvature(wave, [0.0], [1.0], points=2)
