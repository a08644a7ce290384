"""The loss takes u_xxx of the network, the reference solves the equation, and the space asks for C^3."""

import pytest
import torch

import autoact
from autoact.errors import ConfigurationError
from scripts.examples.applications import burgers as run


def test_the_reference_solves_the_equation_by_finite_differences() -> None:
    """A scheme of its own: central differences in x, small explicit steps in t."""
    x = torch.linspace(-1, 1, 401, dtype=torch.float64)
    u, dx, dt = -torch.sin(torch.pi * x), 2 / 400, 1e-4
    for _ in range(5000):
        bend = (u[2:] - 2 * u[1:-1] + u[:-2]) / dx**2
        flux = (u[2:].square() - u[:-2].square()) / (4 * dx)
        u = torch.cat([u[:1] * 0, u[1:-1] + dt * (run.VISCOSITY * bend - flux), u[:1] * 0])
    exact = run.solution(torch.stack([x, torch.full_like(x, 0.5)], 1))[:, 0]
    assert (u - exact).abs().max() < 1e-3
    assert exact.abs().max() > 0.7


def test_initial_and_boundary_values_are_exact() -> None:
    model = run.Burgers()
    x = torch.linspace(-1, 1, 21)
    assert torch.allclose(model(torch.stack([x, 0 * x], 1))[:, 0], -torch.sin(torch.pi * x), atol=1e-6)
    edges = torch.tensor([[-1.0, 0.3], [1.0, 0.8]])
    assert model(edges).abs().max() < 1e-6


def test_the_residual_and_its_slope_are_those_of_the_network() -> None:
    model, step = run.Burgers().double(), 1e-3
    points = run.grid(5, 3).double()
    right, late = (step * torch.tensor(way, dtype=torch.float64) for way in ([1.0, 0.0], [0.0, 1.0]))

    def residual(at: torch.Tensor) -> torch.Tensor:
        u, left, beside = model(at), model(at - right), model(at + right)
        u_t = (model(at + late) - model(at - late)) / (2 * step)
        return u_t + u * (beside - left) / (2 * step) - run.VISCOSITY * (beside - 2 * u + left) / step**2

    r, r_x = model.residual(points)
    assert torch.allclose(r, residual(points), atol=1e-4)
    slope = (residual(points + right) - residual(points - right)) / (2 * step)
    assert torch.allclose(r_x, slope, atol=1e-3)
    assert r_x.abs().max() > 0.1


def test_the_space_asks_for_three_derivatives() -> None:
    assert autoact.SearchSpace.from_dict(run.space(short=False)).require.smoothness == 3
    with pytest.raises(ConfigurationError, match=r"relu_squared has 1 continuous deriv.*, 3 are"):
        autoact.SearchSpace.from_dict({**run.space(short=True), "candidates": ["tanh", "relu_squared"]})


def test_grids_that_guide_and_compare_share_no_point() -> None:
    _, guide, compare = run.loaders(1)
    first, second = (set(map(tuple, next(iter(loader))[0].tolist())) for loader in (guide, compare))
    assert len(first & second) == 0


@pytest.mark.slow
def test_the_search_runs_to_a_verdict_and_a_picture(tmp_path, capsys) -> None:
    run.main(["--short", "--out", str(tmp_path)])
    out = capsys.readouterr().out
    assert "Verdict:" in out
    assert "relative error of u, one seed: tanh " in out
    assert (tmp_path / "burgers.png").stat().st_size > 10_000
