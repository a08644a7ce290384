"""Needs are checked, and only activations that have what is asked for are advised, wherever parameters go."""

import math

import numpy as np
import pytest
import sympy as sp
import torch

import autoact
from autoact.advice import Needs, advise
from autoact.advice._demands import demands_of, oscillates
from autoact.advice._description import describe, space_text
from autoact.advice._feasibility import judge
from autoact.advice._needs import read_range
from autoact.errors import ConfigurationError

X = torch.cat([torch.linspace(-50, 50, 4001), torch.tensor([-1e3, 1e3])]).double()


def everywhere(needs):
    """Give each candidate at parameter values that the advised space lets training reach."""
    random = np.random.default_rng(0)
    space = advise(needs).space()
    for name in space.candidates:
        parameters = space.bounds.parameters(name)
        for _ in range(4):
            low = [max(p.lower, -5.0) for p in parameters]
            high = [min(p.upper, 5.0) for p in parameters]
            values = {
                p.name: float(random.uniform(a, b)) for p, a, b in zip(parameters, low, high, strict=True)
            }
            yield name, values


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, math.inf), (0.0, 1.0), (-1.0, 1.0), (-0.5, math.inf), (-2.0, 6.0)]
)
def test_values_stay_in_the_range_wherever_parameters_go(low, high) -> None:
    checked = 0
    for name, values in everywhere(Needs(range=(low, high))):
        y = autoact.get(name)(X, **values)
        assert y.min() >= low - 1e-5, (name, values)
        assert y.max() <= high + 1e-5, (name, values)
        checked += 1
    assert checked >= 8


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2, 4])
def test_derivatives_exist_wherever_parameters_go(count) -> None:
    for name, values in everywhere(Needs(derivatives=count)):
        assert autoact.analysis.smoothness(name, up_to=count, **values) >= count, (name, values)
    ruled_out = advise(Needs(derivatives=count)).ruled_out
    assert {"relu", "leaky_relu", "prelu", "hardtanh", "selu"} <= set(ruled_out)
    assert ("elu" in ruled_out) == ("celu" in ruled_out) == (count > 1)


def test_saturation_is_where_it_is_asked_for() -> None:
    far = torch.tensor([-4000.0, -2000.0, 2000.0, 4000.0]).double()
    for side in ("left", "right", "both"):
        for name, values in everywhere(Needs(saturates=side)):
            a, b, c, d = autoact.get(name)(far, **values).tolist()
            flat = [abs(a - b) < 0.05, abs(c - d) < 0.05]
            assert sum(flat) == (2 if side == "both" else 1), (side, name, values)
    assert advise(Needs(saturates="left")).ruled_out["tanh"].startswith("saturates on both sides")
    assert advise(Needs(saturates="both")).ruled_out["elu"].startswith("saturates on one side only")


@pytest.mark.slow
def test_physics_asks_for_two_derivatives_and_depth_for_living_gradients() -> None:
    assert advise(Needs(physics=True)).space().require.smoothness == 2
    assert [c.name for c in advise(Needs(physics=True)).candidates][:3] == ["tanh", "sin", "silu"]
    shallow, deep = (advise(Needs(depth=depth)) for depth in (2, 64))
    assert "sigmoid" not in shallow.ruled_out
    assert "gradients vanish" in deep.ruled_out["sigmoid"]
    assert "mean slope 0" in deep.ruled_out["gaussian"]
    assert {"relu", "selu"} <= {c.name for c in deep.candidates}


def test_periodic_problems_get_waves_and_two_controls() -> None:
    found = advise(Needs(periodic=True))
    waves = [c.name for c in found.candidates if oscillates(c.name)]
    assert {"snake", "sinusoid"} <= set(waves)
    assert len(found.candidates) - len(waves) == 2
    assert found.ruled_out["tanh"] == "does not oscillate, so it cannot repeat beyond the data"
    assert [name for name in ("sin", "gcu", "relu", "tanh", "hill") if oscillates(name)] == ["sin", "gcu"]


def test_candidates_are_different_functions_and_every_activation_is_accounted_for() -> None:
    found = advise(Needs())
    names = [c.name for c in found.candidates]
    assert set(names) | set(found.ruled_out) | set(found.left_out) == set(autoact.list_activations())
    assert len(names) <= 8
    gaps = [autoact.analysis.distance(a, b) for i, a in enumerate(names) for b in names[:i]]
    assert min(gaps) > 0.029
    assert "superlinear" not in {autoact.analysis.growth(name) for name in names}
    assert found.ruled_out["exp"] == "grows faster than linearly; asked for: at most linear growth"


@pytest.mark.parametrize(
    "needs",
    [
        Needs(),
        Needs(derivatives=1, output="nonnegative"),
        Needs(derivatives=3, saturates="both", range=(-2, 2)),
        Needs(periodic=True, derivatives=2, output="bounded"),
        Needs(physics=True, depth=16, output="unbounded"),
    ],
)
def test_the_file_is_a_space_that_loads_and_says_why(needs, tmp_path) -> None:
    found = advise(needs)
    path = tmp_path / "advised.yaml"
    path.write_text(space_text(found, "advised"))
    space = autoact.SearchSpace.load(path)
    assert space == found.space("advised")
    assert space.candidates == tuple(c.name for c in found.candidates)
    assert all(f"- {c.name}" in path.read_text() and c.reason in path.read_text() for c in found.candidates)
    assert all(reason in describe(found) for reason in found.ruled_out.values())


def test_a_users_own_activation_is_judged_by_its_facts() -> None:
    @autoact.activation(family="mine")
    def softstep(x):
        """Smooth step from 0 to 2."""
        return 1 + sp.tanh(x)

    @autoact.activation(family="mine")
    def torch_step(x):
        """Smooth step without a formula."""
        return torch.special.expit(x) + 0 * torch.special.i0e(x)

    assert judge("softstep", demands_of(Needs(range=(0, 2), derivatives=2))).ruled_out is None
    assert judge("softstep", demands_of(Needs(range=(0, 1)))).ruled_out == "takes values from 0 to 2"
    assert judge("torch_step", demands_of(Needs(saturates="both"))).ruled_out is None

    @autoact.activation(family="mine")
    def root(x):
        """Square root."""
        return sp.sqrt(x)

    @autoact.activation(family="mine")
    def two(x):
        """Always 2."""
        return 2 + 0 * x

    assert judge("root", demands_of(Needs())).ruled_out == "is not defined at x = -20"
    assert judge("two", demands_of(Needs())).ruled_out == "is constant"
    against = judge("torch_step", demands_of(Needs(derivatives=1))).ruled_out
    assert against == "has no formula, so its derivatives cannot be counted"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"derivatives": 9}, "0 to 8; got 9"),
        ({"derivatives": -1}, "0 to 8; got -1"),
        ({"output": "positiv"}, "got 'positiv'"),
        ({"saturates": "up"}, "left, right, both; got 'up'"),
        ({"range": (1.0, 1.0)}, "got 1:1"),
        ({"depth": 0}, "1 to 100000; got 0"),
        ({"output": "unbounded", "saturates": "both"}, "contradicts"),
        ({"periodic": True, "saturates": "left"}, "not both"),
    ],
)
def test_wrong_needs_are_refused(wrong, message) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Needs(**wrong)


def test_ranges_are_read() -> None:
    assert read_range("-1:1") == (-1.0, 1.0)
    assert read_range("-inf:0") == (-math.inf, 0.0)
    for wrong in ("", "1", "0:x", "nan:1", "0-1"):
        with pytest.raises(ConfigurationError, match="LOW:HIGH"):
            read_range(wrong)
    with pytest.raises(ConfigurationError, match="abs takes values from 0 to inf"):
        advise(Needs(range=(5, 6)))
