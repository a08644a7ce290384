from typing import Any

import numpy as np
import pytest
import torch

from autoact import AutoActivation
from autoact.tracking._layer_function import LayerFunction, curve, histogram


def test_a_histogram_has_unit_mass_even_of_equal_inputs():
    for quantiles in (torch.linspace(-1, 3, 257).square(), torch.full((257,), 2.0)):
        edges, density = histogram(quantiles.sort().values)
        assert np.sum(density * np.diff(edges)) == pytest.approx(1)
        assert np.isfinite(density).all()


def test_a_curve_per_channel_is_the_mean():
    for channel_dim in (1, -1, 2):
        layer = AutoActivation(
            ["relu", "identity"], granularity="channel", channels=2, channel_dim=channel_dim
        )
        layer.logits.data = torch.tensor([[100.0, 0.0], [0.0, 100.0]])
        z = torch.tensor([-1.0, 2.0])
        torch.testing.assert_close(curve(layer, z), torch.tensor([-0.5, 2.0]))


def test_the_slope_is_the_derivative_and_nothing_of_the_layer_moves():
    layer = AutoActivation(["relu", "tanh"], start="tanh").train()
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    found = LayerFunction.of(layer)
    np.testing.assert_allclose(found.y, np.tanh(found.x), atol=1e-6)
    np.testing.assert_allclose(found.slope, 1 - np.tanh(found.x) ** 2, atol=1e-5)
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())
    assert layer.logits.grad is None


def test_members_are_the_candidates_with_the_most_weight_and_their_parameters():
    layer = AutoActivation(["relu", "elu", "tanh", "silu", "gelu", "softplus", "identity"], start="elu")
    found = LayerFunction.of(layer)
    assert len(found.members) == 5
    assert next(iter(found.members)) == "elu"
    np.testing.assert_allclose(
        found.members["elu"], np.where(found.x > 0, found.x, np.expm1(found.x)), atol=1e-5
    )
    assert not found.observed
    assert found.to_dict()["density"] == []


def test_a_layer_that_diverged_has_a_function_of_no_number_and_no_members():
    layer = AutoActivation(["elu", "softplus"])
    layer.logits.data.fill_(float("nan"))
    layer.raw.data.fill_(float("nan"))
    found = LayerFunction.of(layer)
    assert np.isnan(found.y).all()
    assert found.members == {}


@pytest.mark.parametrize("granularity", ["layer", "channel"])
def test_a_layer_that_works_in_place_has_the_same_function(granularity):
    channels: dict[str, Any] = {"granularity": "channel", "channels": 1} if granularity == "channel" else {}
    found = []
    for in_place in (None, "itself"):
        layer = AutoActivation(["relu", "tanh"], **channels)
        layer.in_place = in_place
        found.append(LayerFunction.of(layer))
    for name in ("x", "y", "slope"):
        np.testing.assert_array_equal(getattr(found[1], name), getattr(found[0], name))
