"""Numbers of regions and patterns against linear programs, sampling and the known cases."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.optimize import linprog

import autoact
from autoact import analysis
from autoact.errors import ConfigurationError, UnsupportedInputError
from autoact.geometry import activation_patterns, count_regions, layer_cells, zaslavsky_bound
from autoact.geometry.regions._hyperplanes import hyperplanes

CROSS = [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]


def feasible(signs, normals, offsets) -> bool:
    """Whether a point lies strictly on these sides: a linear program that maximizes the margin."""
    side = np.where(signs, 1.0, -1.0)[:, None]
    system = np.hstack([-side * normals, np.ones((len(normals), 1))])
    goal = np.append(np.zeros(normals.shape[1]), -1.0)
    bounds = [(None, None)] * normals.shape[1] + [(None, 1.0)]
    found = linprog(goal, A_ub=system, b_ub=side[:, 0] * offsets, bounds=bounds)
    return found.fun is not None and bool(found.fun < -1e-9)


def patterns_by_programs(normals, offsets) -> set[tuple[bool, ...]]:
    signs = itertools.product((False, True), repeat=len(normals))
    return {each for each in signs if feasible(np.array(each), normals, offsets)}


def random_layer(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random shapes; half of them degenerate: small integers, copies, parallels, empty neurons, no bias."""
    draw = np.random.default_rng(seed)
    m, d = int(draw.integers(1, 9)), int(draw.integers(1, 5))
    weight: np.ndarray = draw.normal(size=(m, d))
    bias: np.ndarray = draw.normal(size=m)
    if seed % 2:
        weight = draw.integers(-2, 3, size=(m, d)).astype(float)
        bias = draw.integers(-1, 2, size=m) * float(seed % 4 == 1)
        copied, scale = draw.integers(0, m, size=2), draw.normal()
        weight[copied[0]], bias[copied[0]] = scale * weight[copied[1]], scale * bias[copied[1]]
    return weight, bias


@pytest.mark.parametrize(
    "seed", [*range(6), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(6, 24))]
)
def test_random_layers_against_linear_programs(seed):
    weight, bias = random_layer(seed)
    planes = hyperplanes(weight, bias)
    if len(planes.normals) > 7:
        planes = hyperplanes(weight := weight[:7], bias := bias[:7])
    want = patterns_by_programs(planes.normals, planes.offsets)
    assert count_regions(weight, bias) == len(want)
    found = layer_cells(weight, bias)
    assert {tuple(row) for row in found.signs.tolist()} == want
    np.testing.assert_array_equal(found.points @ planes.normals.T + planes.offsets > 0, found.signs)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "activation", ["hardtanh", "relu6", {"relu": 0.5, "hardtanh": 0.3, "softshrink": 0.2}]
)
def test_several_kinks_against_sampled_patterns(seed, activation):
    """Lines in a plane: points at every small face beside every crossing hit every region."""
    draw = np.random.default_rng(seed)
    m = int(draw.integers(1, 5))
    weight, bias = draw.normal(size=(m, 2)), draw.normal(size=m)
    planes = hyperplanes(weight, bias, activation)
    count = len(planes.normals)
    crossings = [
        np.linalg.solve(planes.normals[[i, j]], -planes.offsets[[i, j]])
        for i, j in itertools.combinations(range(count), 2)
        if abs(np.linalg.det(planes.normals[[i, j]])) > 1e-9
    ]
    feet = list(-planes.offsets[:, None] * planes.normals)
    angles = np.linspace(0, 2 * math.pi, 720)
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    points = np.concatenate([c + r * circle for c in (*crossings, *feet) for r in (1e-6, 1e3)])
    seen = {row.tobytes() for row in activation_patterns(weight, bias, points, activation).numpy()}
    assert count_regions(weight, bias, activation) == len(seen)
    assert count_regions(weight, bias, activation) <= zaslavsky_bound(
        m, 2, kinks=len(analysis.linear_pieces(activation).kinks)
    )


def test_known_counts():
    assert count_regions(CROSS) == 4
    assert zaslavsky_bound(4, 2) == 11
    assert zaslavsky_bound(4, 2, central=True) == 8
    assert zaslavsky_bound(20, 4) == 6196
    assert zaslavsky_bound(200, 100) == sum(math.comb(200, k) for k in range(101))
    draw = np.random.default_rng(1)
    weight, bias = draw.normal(size=(4, 2)), draw.normal(size=4)
    assert count_regions(weight, bias) == 11
    assert count_regions(weight) == 8
    for activation in ("hardtanh", "relu6"):
        assert count_regions(weight, bias, activation) == 33


@pytest.mark.parametrize(("m", "d"), [(20, 4), (9, 3), (30, 2), (7, 6), (12, 1), (5, 9)])
def test_general_position_reaches_the_bound(m, d):
    draw = torch.Generator().manual_seed(m)
    weight, bias = torch.randn(m, d, generator=draw), torch.randn(m, generator=draw)
    assert count_regions(weight, bias) == zaslavsky_bound(m, d)
    assert count_regions(weight) == zaslavsky_bound(m, d, central=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_scaling_a_neuron_changes_nothing_and_negating_it_flips_its_bit(dtype):
    draw = torch.Generator().manual_seed(3)
    weight, bias = (torch.randn(*s, generator=draw, dtype=dtype) for s in ((6, 3), (6,)))
    x = torch.randn(500, 3, generator=draw, dtype=dtype)
    factor = torch.rand(6, generator=draw, dtype=dtype) + 0.1
    doubled = (
        torch.cat([weight, weight * factor[:, None], -3 * weight]),
        torch.cat([bias, bias * factor, -3 * bias]),
    )
    assert count_regions(*doubled) == count_regions(weight, bias)
    before = activation_patterns(weight, bias, x)
    assert torch.equal(activation_patterns(weight * factor[:, None], bias * factor, x), before)
    sign = torch.tensor([1, 1, -1, 1, 1, 1])
    flipped = activation_patterns(weight * sign[:, None], bias * sign, x)
    assert torch.equal(flipped[:, 2], ~before[:, 2])
    assert torch.equal(flipped[:, :2], before[:, :2])


def test_patterns_of_the_cross():
    pattern = activation_patterns(CROSS, None, torch.tensor([[2.0, 3.0], [0.0, 0.0]]))
    assert pattern.tolist() == [[True, False, True, False], [False] * 4]
    assert activation_patterns([[1.0]], None, [[-2.0], [0.5], [2.0]], "hardtanh").ravel().tolist() == [
        0,
        1,
        2,
    ]


def test_neurons_that_do_not_bend_count_for_nothing():
    assert count_regions(np.zeros((3, 0))) == count_regions(np.zeros((0, 3))) == 1
    weight = [[0.0, 0.0], [1.0, 2.0], [0.0, 0.0]]
    assert count_regions(weight, [1.0, 0.0, -1.0]) == 2
    assert count_regions([[0.0, 0.0]], [1.0]) == 1
    assert count_regions(CROSS, None, "identity") == 1
    assert count_regions(CROSS, None, {"relu": 0.5, "identity": -0.5}) == 4
    assert count_regions(np.zeros((0, 3)), []) == 1


def test_learned_layers_count_too():
    layer = autoact.AutoActivation(["relu", "hardtanh"])
    draw = np.random.default_rng(4)
    assert count_regions(draw.normal(size=(3, 2)), draw.normal(size=3), layer) == zaslavsky_bound(
        3, 2, kinks=3
    )


@pytest.mark.parametrize(
    ("weight", "bias", "said"),
    [
        ([1.0, 2.0], None, r"weight has shape \(2,\); a layer's is \(neurons, inputs\)"),
        (
            [[1.0, 2.0]],
            [1.0, 2.0],
            r"bias has shape \(2,\); weight \(1, 2\) needs one value per neuron: \(1,\)",
        ),
        ([[math.nan, 2.0]], None, "not finite"),
        ([[1.0, 2.0], [3.0]], None, "list is no array of real numbers"),
        (torch.nn.Linear(2, 3), None, "Linear is no array of real numbers.*its weight and its bias"),
        (torch.ones(2, 2, dtype=torch.complex64), None, "complex numbers"),
    ],
)
def test_wrong_layers(weight, bias, said):
    with pytest.raises(UnsupportedInputError, match=said):
        count_regions(weight, bias)


def test_wrong_inputs():
    with pytest.raises(
        UnsupportedInputError, match=r"x has shape \(3,\); weight \(4, 2\) takes \(2,\) or \(N, 2\)"
    ):
        activation_patterns(CROSS, None, [1.0, 2.0, 3.0])


def test_what_cannot_be_counted_says_what_to_use():
    with pytest.raises(ConfigurationError, match=r"silu is not piecewise linear.*geometry\.curvature"):
        count_regions(CROSS, None, "silu")
    with pytest.raises(
        ConfigurationError, match=r"100 hyperplanes in 12 dimensions would take about .* years"
    ):
        count_regions(np.random.default_rng(0).normal(size=(100, 12)))
    with pytest.raises(ConfigurationError, match="Use zaslavsky_bound"):
        layer_cells(np.random.default_rng(0).normal(size=(40, 8)), seconds=1.0)
    assert count_regions(np.eye(70)) == 2**70
    with pytest.raises(
        ConfigurationError, match=r"1200 hyperplanes in 600 dimensions would take about .* years"
    ):
        count_regions(np.random.default_rng(0).normal(size=(1200, 600)))  # an integer that no float holds


def test_fewer_neurons_than_inputs_are_enumerated_in_the_space_they_span():
    draw = np.random.default_rng(3)
    weight, bias = draw.normal(size=(8, 784)), draw.normal(size=8)
    found = layer_cells(weight, bias)
    assert found.points.shape == (count_regions(weight, bias), 784) == (256, 784)
    patterns = activation_patterns(weight, bias, found.points)
    assert len(patterns.unique(dim=0)) == 256


@pytest.mark.parametrize(("m", "d"), [(-1, 2), (2.5, 2), (True, 2), ("4", 2)])
def test_no_counts(m, d):
    with pytest.raises(ConfigurationError, match="is no count"):
        zaslavsky_bound(m, d)
