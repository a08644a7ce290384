import copy

import pytest
import torch
from torch import nn

from autoact import AutoActivation, FixedActivation, analysis
from autoact.geometry.signals._meters import FlowMeter, slopes, weight_scale


def test_slopes_are_derivatives():
    x = torch.linspace(-2, 2, 101)
    layer = AutoActivation(["tanh", "relu"], start="tanh")
    torch.testing.assert_close(slopes(layer, x), 1 - torch.tanh(x) ** 2, rtol=0, atol=1e-6)


def test_measuring_leaves_gradients_and_layer_alone():
    layer = AutoActivation(["tanh", "relu"])
    x = torch.randn(8, 4, requires_grad=True)
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    FlowMeter().see(layer, x)
    assert x.grad is None
    assert layer.logits.grad is None
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())


@pytest.mark.parametrize("name", ["relu", "tanh", "elu", "silu", "gelu"])
def test_kappa_under_normal_pre_activations_is_the_theorys(name):
    meter = FlowMeter()
    meter.see(AutoActivation([name]), torch.randn(2000, 32))
    assert meter.kappa is not None
    assert float(meter.kappa) == pytest.approx(analysis.gradient_noise(name), rel=0.03)


@pytest.mark.parametrize(
    ("feeding", "shape"),
    [
        (nn.Linear(50, 80), (6, 50)),
        (nn.Linear(50, 80, bias=False), (6, 50)),
        (nn.Linear(50, 80), (6, 7, 50)),
        (nn.Linear(50, 80, bias=False), (6, 7, 50)),
        (nn.Conv2d(5, 80, 3), (2, 5, 9, 9)),
        (nn.Conv1d(5, 80, 3, bias=False), (2, 5, 9)),
    ],
)
def test_the_feeding_layers_weight_scale_is_found(feeding, shape):
    nn.init.normal_(feeding.weight, std=0.3)
    fan_in = feeding.weight[0].numel()
    found = weight_scale(feeding(torch.randn(shape, requires_grad=True)))
    assert float(found) == pytest.approx(fan_in * feeding.weight.square().mean().item(), rel=1e-5)


@pytest.mark.parametrize("other", [nn.BatchNorm1d(50), nn.LayerNorm(50), nn.Identity(), nn.Dropout(0.1)])
def test_other_makers_count_as_one(other):
    assert weight_scale(other(torch.randn(6, 50, requires_grad=True))) == 1.0
    assert weight_scale(torch.randn(6, 50)) == 1.0


def test_chi_of_a_critical_relu_layer_is_one():
    linear = nn.Linear(512, 512, bias=False)
    nn.init.normal_(linear.weight, std=(2 / 512) ** 0.5)
    meter = FlowMeter()
    meter.see(AutoActivation(["relu"]), linear(torch.randn(256, 512)))
    assert meter.chi is not None
    assert float(meter.chi) == pytest.approx(1.0, rel=0.05)


def test_dead_units_are_counted_over_a_window_and_revive():
    layer, meter = AutoActivation(["relu"]), FlowMeter()
    negative = -torch.rand(16, 4) - 0.1
    one_alive = negative.clone()
    one_alive[0, 2] = 1.0
    meter.see(layer, negative)
    assert meter.dead == 1.0
    meter.see(layer, one_alive)
    assert meter.dead == 0.75
    for _ in range(8):
        meter.see(layer, negative)
    assert meter.dead == 0.75
    meter.see(layer, negative)
    assert meter.dead == 1.0


def test_units_of_images_are_channels_and_of_sequences_features():
    layer = AutoActivation(["relu"])
    image = -torch.ones(2, 4, 3, 3)
    image[:, 1] = 1
    tokens = -torch.ones(2, 5, 10)
    tokens[..., :5] = 1
    for x, share in ((image, 0.75), (tokens, 0.5)):
        meter = FlowMeter()
        meter.see(layer, x)
        assert meter.dead == share


def test_an_empty_batch_says_nothing():
    meter = FlowMeter()
    meter.see(AutoActivation(["relu"]), torch.empty(0, 4))
    assert (meter.kappa, meter.chi, meter.dead) == (None, None, None)


def test_saturated_units_are_those_met_only_where_the_function_is_flat():
    meter, z = FlowMeter(), torch.randn(64, 4)
    z[:, 0] = 3.0 + torch.rand(64)  # tanh' < 0.01 there, and above 1e-6
    z[:, 1] = 40.0  # tanh' = 0: dead
    meter.see(AutoActivation(["tanh"]), z)
    assert meter.saturated == 0.25
    assert meter.dead == 0.25
    meter.see(AutoActivation(["tanh"]), torch.randn(64, 4))
    assert meter.saturated == 0.0
    assert meter.dead == 0.0


def test_moments_and_the_gradient_that_comes_back():
    linear, layer, meter = nn.Linear(8, 4), AutoActivation(["tanh"]), FlowMeter()
    z = linear(torch.randn(32, 8))
    z.retain_grad()
    meter.see(layer, z)
    layer(z).square().sum().backward()
    measured = [meter.mean, meter.second_moment, meter.gradient]
    want = [z.detach().mean(), z.detach().square().mean(), z.grad.square().mean().sqrt()]
    assert [value.item() for value in measured if value is not None] == pytest.approx(
        [each.item() for each in want], rel=1e-5
    )


def test_one_dimension_is_one_unit_per_element():
    meter = FlowMeter()
    meter.see(AutoActivation(["relu"]), torch.tensor([-1.0, 2.0, 3.0, -4.0]))
    assert meter.dead == 0.5


@pytest.mark.parametrize("module", [AutoActivation(["relu", "tanh"]), FixedActivation("relu"), nn.ReLU()])
def test_what_works_in_place_is_measured_like_what_does_not(module):
    x, meters = torch.randn(64, 5), (FlowMeter(), FlowMeter())
    before = x.clone()
    meters[0].see(module, x)
    changing = copy.deepcopy(module)
    setattr(changing, "inplace" if isinstance(module, nn.ReLU) else "in_place", "itself")
    meters[1].see(changing, x)
    assert torch.equal(x, before)
    torch.testing.assert_close(meters[1].chi, meters[0].chi)
    torch.testing.assert_close(meters[1].own_kappa, meters[0].own_kappa)
