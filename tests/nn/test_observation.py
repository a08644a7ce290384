import torch

from autoact.nn import AutoActivation
from autoact.nn._observation import batch_quantiles, levels, normal_quantiles


def test_a_normal_sample_has_normal_quantiles():
    x = torch.randn(200, 300, generator=torch.Generator().manual_seed(0))
    assert (batch_quantiles(x) - normal_quantiles())[20:-20].abs().max() < 0.06


def test_every_column_is_read_whatever_the_shape():
    # 96 columns with their own values: an evenly spaced sample of 8192 would meet some of them only
    x = torch.arange(96.0).expand(8192, 96)
    exact = torch.quantile(torch.arange(96.0), levels().float())
    assert (batch_quantiles(x) - exact).abs().max() < 1.5


def test_non_finite_elements_are_left_out():
    layer = AutoActivation(["relu", "tanh"])
    before = layer.quantiles.clone()
    layer.observe(torch.tensor([float("nan"), float("inf")]))
    layer.observe(torch.empty(0, 3))
    assert torch.equal(layer.quantiles, before)
    assert layer.observed == 0
    layer.observe(torch.tensor([float("nan"), 2.0, -float("inf")]))
    assert torch.allclose(layer.quantiles, torch.full((257,), 2.0))
    assert layer.observed == 1


def test_running_mean_then_the_recent_past():
    layer = AutoActivation(["relu", "tanh"])
    layer.observe(torch.full((4,), 1.0))
    layer.observe(torch.full((4,), 3.0))
    assert torch.allclose(layer.quantiles, torch.full((257,), 2.0))
    for _ in range(200):
        layer.observe(torch.full((4,), 5.0))
    assert torch.allclose(layer.quantiles, torch.full((257,), 5.0), atol=1e-3)


def test_observing_leaves_random_numbers_gradients_and_half_precision_alone():
    state = torch.get_rng_state()
    layer = AutoActivation(["relu", "tanh"])
    x = torch.randn(100, 100, requires_grad=True, generator=torch.Generator().manual_seed(0))
    layer.observe(x.bfloat16().t())
    assert torch.equal(torch.get_rng_state(), state)
    assert not layer.quantiles.requires_grad
    assert layer.quantiles.dtype == torch.float32
