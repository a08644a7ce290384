"""The loss is the equation's residual, and activations without a second derivative cannot lower it."""

from functools import partial

import pytest
import torch
from torch import nn

import autoact
from autoact.errors import ConfigurationError
from scripts.examples.applications import poisson as run


def test_the_source_is_minus_the_second_derivative_of_the_solution() -> None:
    x = torch.linspace(-1, 1, 41, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(run.solution(x).sum(), x, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), x)
    assert torch.allclose(-bend, run.source(x.detach()), atol=1e-9)
    assert run.solution(torch.tensor([-1.0, 1.0])).abs().max() < 1e-5


def test_the_residual_is_that_of_the_network() -> None:
    model = run.Poisson().double()
    x = torch.linspace(-0.9, 0.9, 11, dtype=torch.float64)[:, None]
    step = 1e-4
    with torch.no_grad():
        bend = (model(x + step) - 2 * model(x) + model(x - step)) / step**2
    assert torch.allclose(model.residual(x), bend + run.source(x), atol=1e-4)
    assert model(torch.tensor([[-1.0], [1.0]], dtype=torch.float64)).abs().max() < 1e-12


@pytest.mark.slow
def test_training_lowers_the_residual_unless_the_second_derivative_is_missing() -> None:
    x = torch.linspace(-1, 1, 101)[:, None]
    left = {}
    for act in (nn.Tanh, nn.ReLU):
        model = run.train(partial(run.Poisson, act), 150)
        left[act] = float((model.residual(x).square().mean() / run.source(x).square().mean()).detach())
    assert left[nn.Tanh] < 0.5
    assert left[nn.ReLU] > 0.7  # kinks carry its curvature, where no point of the loss sees it


def test_the_space_refuses_what_has_no_second_derivative() -> None:
    with pytest.raises(ConfigurationError, match="relu has 0 continuous derivatives, 2 are required"):
        autoact.SearchSpace.from_dict({"candidates": ["tanh", "relu"], "require": {"smoothness": 2}})
    assert autoact.SearchSpace.load("physics").require.smoothness == 2


def test_grids_that_guide_and_compare_share_no_inner_point() -> None:
    _, guide, compare = run.loaders(3)
    first, second = (set(next(iter(loader))[0].flatten().tolist()) for loader in (guide, compare))
    assert len(first & second) == 0
    assert len(run.loaders(7)[0]) == 7


@pytest.mark.slow
def test_the_search_runs_to_a_verdict_and_a_picture(tmp_path, capsys) -> None:
    run.main(["--short", "--out", str(tmp_path)])
    out = capsys.readouterr().out
    assert "Verdict:" in out
    assert "relative error of u: tanh" in out
    assert (tmp_path / "poisson.png").stat().st_size > 10_000
