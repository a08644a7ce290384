"""The claim behind κ: per-sample gradient noise of a real layer is proportional to it."""

import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

import autoact
from autoact import analysis
from autoact.errors import ConfigurationError
from autoact.geometry import initialize, sample_noise

NAMES = ("identity", "sigmoid", "elu", "tanh", "prelu", "silu", "gelu", "leaky_relu", "relu", "relu_squared")


def product(y: Tensor, t: Tensor) -> Tensor:
    return (y * t).sum()


def measured(name: str, seed: int) -> float:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(32, 128), autoact.FixedActivation(name), nn.Linear(128, 1))
    initialize(model, torch.randn(512, 32))
    return sample_noise(model, product, torch.randn(4096, 32), 1 + 0.5 * torch.randn(4096, 1))["0"]


def test_noise_is_proportional_to_kappa_where_the_error_is_independent():
    """The error is 1 + N(0, 0.25): its own E[t²] / E[t]² is 1.25."""
    kappa = [analysis.gradient_noise(name) for name in NAMES]
    noise = [measured(name, 0) for name in NAMES]
    assert spearmanr(kappa, noise).statistic >= 0.98
    assert [n / k for n, k in zip(noise, kappa, strict=True)] == pytest.approx([1.25] * len(NAMES), rel=0.05)


def test_against_gradients_taken_one_by_one():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2, bias=False))
    x, t = torch.randn(20, 3), torch.randn(20, 2)
    rows = []
    for one, goal in zip(x, t, strict=True):
        model.zero_grad()
        nn.functional.mse_loss(model(one[None]), goal[None]).backward()
        rows.append(model.get_parameter("0.bias").grad)
    g = torch.stack([row for row in rows if row is not None])
    want = float(g.square().mean(0).sum() / g.mean(0).square().sum())
    assert sample_noise(model, nn.functional.mse_loss, x, t) == pytest.approx({"0": want}, rel=1e-4)


def test_no_bias():
    with pytest.raises(ConfigurationError, match="no layer with a bias"):
        sample_noise(nn.Linear(2, 2, bias=False), product, torch.randn(3, 2), torch.randn(3, 2))
