"""A network has the derivatives that its activation has."""

import pytest
import torch
from torch import nn

from scripts.examples import derivatives as run


@pytest.fixture(scope="module")
def found() -> dict[str, tuple[float, ...]]:
    return run.compare(("relu", "prelu", "elu", "tanh", "sin"), 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["relu", "prelu"])
def test_piecewise_linear_networks_have_no_second_derivative(found, name) -> None:
    assert found[name][0] < 0.1  # values are learned
    assert found[name][2] == pytest.approx(1.0, abs=1e-12)  # |0 - f''| / |f''|


@pytest.mark.slow
def test_smooth_networks_learn_derivatives_that_nobody_showed_them(found) -> None:
    for name in ("tanh", "sin"):
        value, first, second = found[name]
        assert value < first < second < 0.25
    assert found["sin"][2] < 0.1


@pytest.mark.slow
def test_one_continuous_derivative_lies_between(found) -> None:
    assert found["tanh"][1] < found["elu"][1] < found["relu"][1]
    assert found["tanh"][2] < found["elu"][2] < found["relu"][2]


def test_derivatives_are_those_of_the_model() -> None:
    class Cubic(nn.Module):
        def forward(self, x):
            return x**3

    x = torch.linspace(-1, 1, 7, dtype=torch.float64)[:, None]
    for got, expected in zip(run.derivatives(Cubic(), x), (x**3, 3 * x**2, 6 * x), strict=True):
        assert torch.allclose(got, expected)
    line = nn.Linear(1, 1).double()
    assert run.derivatives(line, x)[2].abs().max() == 0


def test_networks_of_equal_seeds_differ_in_nothing_but_the_activation() -> None:
    states = [run.network(name, 3).state_dict() for name in ("relu", "sin")]
    weights = [[v for k, v in state.items() if k.endswith(("weight", "bias"))] for state in states]
    assert all(torch.equal(a, b) for a, b in zip(*weights, strict=True))
    assert not torch.equal(weights[0][0], run.network("relu", 4).state_dict()["0.weight"])


@pytest.mark.slow
def test_table_and_picture(found, tmp_path, capsys) -> None:
    run.print_table(found)
    out = capsys.readouterr().out
    assert "relu          C0" in out
    assert "sin           smooth" in out
    run.draw(("relu",), tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 10_000
