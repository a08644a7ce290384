"""Free shapes begin as the model's own activations, are shared or not, and are learned."""

from typing import Any

import pytest
import torch
from torch import nn

from autoact import AutoActivation
from autoact.conversion import auto_layers
from autoact.errors import ConfigurationError
from autoact.training import FreeShapes, curvature


def model(second: type[nn.Module] = nn.Tanh) -> Any:
    return nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 4), second(), nn.Linear(4, 1))


def converted(shapes: FreeShapes, net: Any) -> Any:
    shapes._convert(net)
    return net


@pytest.mark.parametrize("share", ["network", "layer"])
def test_a_network_begins_near_what_it_was(share: Any) -> None:
    net, x = model(), torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    before = net(x)
    shapes = FreeShapes("cubic_spline_17", share=share)
    converted(shapes, net)
    assert (net(x) - before).std() < 5e-3 * before.std()
    assert len(auto_layers(net)) == (1 if share == "network" else 2)
    assert all(error < 1e-3 for _, error in shapes._starts.values())


@pytest.mark.parametrize("member", ["cubic_spline_17", "cubic_spline_17_6", "linear_spline_9"])
def test_a_shape_begins_near_the_original_beyond_the_knots_too(member: str) -> None:
    net, x = model(nn.ReLU), torch.tensor([-9.0, -5.0, -4.0, -3.5, 3.5, 4.0, 5.0, 9.0])
    layer = next(iter(auto_layers(converted(FreeShapes(member, share="layer"), net[3:])).values()))
    assert torch.allclose(layer(x[:, None])[:, 0], torch.relu(x), atol=0.02)


def test_the_free_member_alone_is_the_layer() -> None:
    net = converted(FreeShapes("linear_spline_5"), model())
    layer = next(iter(auto_layers(net).values()))
    assert layer.weights()[layer.candidates.index("linear_spline_5")] == 1
    net(torch.randn(300, 2)).sum().backward()
    assert layer.raw.grad is not None
    assert layer.raw.grad.abs().sum() > 0


def test_layers_that_differ_may_share_a_shape() -> None:
    net = converted(FreeShapes("linear_spline_5"), model(nn.ReLU))
    assert net[1] is net[3]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"member": "relu"}, "no free-form activation"),
        ({"share": "group"}, "share is network or layer; got 'group'"),
        ({"curvature": -1.0}, "must be 0 or more"),
        ({"member": "linear_spline_5", "require": {"smoothness": 2}}, "0 continuous derivatives"),
    ],
)
def test_what_cannot_be_is_refused_before_a_training(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        FreeShapes(**settings)


def test_the_curvature_of_a_spline_is_that_of_its_function() -> None:
    bent = {f"c{i}": abs(float(i - 2)) for i in range(5)}  # |x / 2| at knots 2 apart
    layer = AutoActivation(["linear_spline_5"], settings={"linear_spline_5": bent})
    assert float(curvature(layer, "linear_spline_5").detach()) == pytest.approx(
        0.25 / 3
    )  # (2 / 2²)² at 1 of 3
    layer = AutoActivation(["cubic_spline_9"])
    assert float(curvature(layer, "cubic_spline_9").detach()) == pytest.approx(0, abs=1e-9)
    assert float(curvature(AutoActivation(["rational"]), "rational").detach()) > 0
