"""Shapes of one network and of several: what is measured, and the short run."""

from pathlib import Path

import pytest
import torch

from autoact.analysis import normal_quantiles, project
from scripts.benchmarks.inventions import shared_shapes
from scripts.benchmarks.inventions.shared_shapes import MEMBER, Networks, distance, forget, gain
from scripts.benchmarks.teachers.functions import TEACHERS


def test_networks_have_one_shape_each_or_one_for_all() -> None:
    x = torch.linspace(-2, 2, 12).reshape(1, 4, 3).expand(2, 4, 3)
    separate, shared = (Networks((3, 5, 5, 1), 2, way) for way in (False, True))
    assert [tuple(n.shapes.shape) for n in (separate, shared)] == [(2, 17), (1, 17)]
    assert torch.allclose(separate(x), shared(x))  # all begin at the same
    with torch.no_grad():
        separate.shapes[0] += 1.0
        shared.shapes[0] += 1.0
    assert not torch.allclose(separate(x)[0], separate(x)[1] * 0 + shared(x)[1])
    assert torch.allclose(separate(x)[0], shared(x)[0])


def test_a_network_that_begins_anew_is_fresh_and_the_others_stay() -> None:
    networks = Networks((3, 5, 1), 2, True)
    optimizer = torch.optim.Adam(networks.parameters())
    networks(torch.ones(2, 4, 3)).sum().backward()
    optimizer.step()
    before = [weight.detach().clone() for weight in networks.weights]
    networks.begin(1, seed=5)
    forget(optimizer, list(networks.weights), 1)
    for weight, old in zip(networks.weights, before, strict=True):
        assert torch.equal(weight[0], old[0])
        assert not torch.equal(weight[1], old[1])
        assert not optimizer.state[weight]["exp_avg"][1].any()
        assert optimizer.state[weight]["exp_avg"][0].any()


@pytest.mark.slow
def test_a_distance_is_up_to_affine_changes() -> None:
    function = TEACHERS["x exp(-x²)"]
    nodes = 2 * normal_quantiles()
    changed = project(lambda z: torch.from_numpy(2 - 3 * function(0.8 * z.numpy() + 0.3)), [MEMBER], nodes)
    assert distance("x exp(-x²)", changed.parameters) < 0.02
    assert distance("x exp(-x²)", project("relu", [MEMBER], nodes).parameters) > 0.1


def test_a_gain_has_its_interval() -> None:
    assert gain([1.0, 2.0, 3.0], [0.5, 1.5, 2.5], 1) == "+0.5000 ± 0.0000"


@pytest.mark.slow
def test_a_short_run_prints_both_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--short", "--only", "cancer", "--out", str(tmp_path)]
    shared_shapes.main(arguments)
    printed = capsys.readouterr().out
    assert "| cancer | " in printed
    assert "| x + 2 exp(-x²) | " in printed
    shared_shapes.main(arguments)
    assert capsys.readouterr().out == printed
