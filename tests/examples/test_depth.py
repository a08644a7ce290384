"""What depth does to gradients follows from χ: far below 1 at torch's weights, near it after initialize."""

import math

import pytest

from scripts.examples import depth as run


def test_a_gradient_shrinks_by_about_the_root_of_chi_per_layer(monkeypatch) -> None:
    monkeypatch.setitem(run.train.__globals__, "LIMIT", 1)
    found = run.train("relu", 16, "torch", 0)
    assert math.isinf(found.steps)
    assert found.own_kappa == pytest.approx(2.0, abs=0.01)
    assert found.chi == pytest.approx(1 / 6, rel=0.3)  # torch draws from variance 1/3 of 1 / fan_in
    assert math.log(found.gradient_ratio) == pytest.approx(15 / 2 * math.log(found.chi), rel=0.25)


@pytest.mark.slow
def test_initialized_networks_learn_where_others_do_not(monkeypatch) -> None:
    monkeypatch.setitem(run.train.__globals__, "LIMIT", 100)
    faded, kept = (run.train("silu", 16, start, 0) for start in ("torch", "initialize"))
    assert math.isinf(faded.steps)
    assert kept.steps < 50
    assert faded.gradient_ratio < 1e-4 < 0.05 < kept.gradient_ratio < 20
    assert abs(math.log(kept.chi)) < abs(math.log(faded.chi)) / 2
