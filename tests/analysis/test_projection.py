"""Deriving by projection: which candidate a learned function is."""

import numpy as np
import pytest
import torch

from autoact import AutoActivation, FixedActivation, analysis
from autoact.errors import ConfigurationError

SPACE = ("relu", "leaky_relu", "prelu", "elu", "silu", "gelu", "tanh", "softplus")


def test_a_mixture_that_equals_a_member_is_identified():
    """0.8 relu + 0.2 elu(1.5) is elu(0.3) to rounding; the largest weight says relu."""
    elu = torch.nn.ELU(1.5)
    found = analysis.project(lambda z: 0.8 * torch.relu(z) + 0.2 * elu(z), SPACE)
    assert found.activation == "elu"
    assert found.parameters["alpha"] == pytest.approx(0.3, rel=1e-6)
    assert found.error < 1e-8


@pytest.mark.parametrize("a", [0.3, 0.7, 3.0])
def test_alpha_is_recovered(a):
    found = analysis.project(torch.nn.ELU(a), SPACE)
    assert found.activation == "elu"
    assert found.parameters["alpha"] == pytest.approx(a, rel=1e-6)


def test_the_density_decides():
    def mostly_relu(z):
        return torch.where(z > 2, torch.tanh(z), torch.relu(z))

    low = torch.linspace(-2, 1.5, 200)
    assert analysis.project(mostly_relu, ("relu", "tanh"), nodes=low).activation == "relu"
    high = torch.linspace(2.1, 9, 200)
    assert analysis.project(mostly_relu, ("relu", "tanh"), nodes=high).activation == "tanh"


def test_ties_go_to_the_simpler():
    assert analysis.project("relu", ("prelu", "relu")).activation == "relu"


def test_fixed_parameters_keep_their_setting():
    target = torch.nn.LeakyReLU(0.2)
    found = analysis.project(target, ("relu", "leaky_relu"), initial={"leaky_relu": {"negative_slope": 0.2}})
    assert found.activation == "leaky_relu"
    assert found.parameters == {"negative_slope": 0.2}
    assert found.error < 1e-6


def test_error_is_relative_to_the_functions_spread():
    a = analysis.project({"tanh": 1.0}, ("relu",)).error
    b = analysis.project(lambda z: torch.tanh(z), ("relu",)).error
    assert a == pytest.approx(b)
    z = analysis.normal_quantiles()
    t = np.tanh(z)
    assert a == pytest.approx(np.sqrt(np.mean((t - np.maximum(z, 0)) ** 2)) / t.std())


def test_no_candidates():
    with pytest.raises(ConfigurationError, match="No candidates"):
        analysis.project("relu", ())


def test_distance_knows_relatives():
    assert analysis.distance("elu", "softplus") < analysis.distance("elu", "sin")
    assert analysis.distance("relu", "leaky_relu") < 0.05
    assert analysis.distance("selu", "elu") > 0
    assert analysis.distance("tanh", "tanh") == 0


@pytest.mark.parametrize("layer", [AutoActivation(["relu", "tanh"]), FixedActivation("elu")])
def test_a_layer_that_works_in_place_is_projected_like_one_that_does_not(layer):
    found = []
    for layer.in_place in (None, "itself"):
        found.append(analysis.project(layer, ["relu", "gelu"]))
    assert found[0] == found[1]
