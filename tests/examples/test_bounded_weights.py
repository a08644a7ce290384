"""Width and input scale together approximate with bounded weights; a polynomial φ does not."""

from statistics import fmean

import numpy as np
import pytest
import torch

from scripts.examples import bounded_weights as run


@pytest.mark.parametrize("bound", [0.05, 0.7, 1.0, 3.0])
@pytest.mark.parametrize(
    ("name", "width", "scale"), [("tanh", 40, 16.0), ("silu", 9, 2.5), ("relu", 33, 1.0)]
)
def test_every_weight_of_the_returned_model_is_bounded(name, width, scale, bound) -> None:
    network = run.fitted(name, width, scale, bound)
    weights = torch.cat([p.detach().flatten() for p in network.parameters()])
    assert len(weights) == 3 * width + 1
    assert weights.abs().max() <= bound
    assert network.largest_weight() == weights.abs().max()
    assert weights.isfinite().all()


@pytest.mark.parametrize("seed", range(5))
def test_the_output_layer_is_optimal_under_the_bound(seed) -> None:
    random = np.random.default_rng(seed)
    design, y, bound = random.normal(size=(60, 12)), 4 * random.normal(size=60), 0.4
    v = run.bounded_least_squares(design, y, bound)
    slope = design.T @ (design @ v - y)  # of the squared error: 0 inside, pushing outward at a bound
    inside = np.abs(v) < bound - 1e-9
    assert 0 < inside.sum() < len(v)
    assert np.abs(slope[inside]).max() < 1e-8
    assert (slope[~inside] * v[~inside] < 0).all()


def test_width_is_not_enough_at_scale_1() -> None:
    best_cubic = run.best_polynomial_error(3)
    assert best_cubic == pytest.approx(0.6418, abs=1e-3)
    for name in ("tanh", "gaussian", "silu"):
        errors = [run.error(run.fitted(name, width, 1.0)) for width in (16, 64, 128)]
        assert min(errors) > 0.97 * best_cubic, name


@pytest.mark.slow
def test_width_and_scale_together_are() -> None:
    for name in ("tanh", "gaussian", "silu", "relu"):
        narrow, wide = (run.error(run.fitted(name, width, 16.0)) for width in (8, 128))
        assert wide < 0.01 < 0.1 < narrow, name


@pytest.mark.parametrize("degree", [2, 3, 5])
def test_a_polynomial_stops_at_the_best_fit_of_its_degree(degree) -> None:
    random = np.random.default_rng(degree)
    a, b, c = random.uniform(2, 6, 3)

    def wave(x):
        return np.sin(a * x) + 0.5 * np.cos(b * x + c)

    best = run.best_polynomial_error(degree, wave)
    assert best > 0.02
    x = np.linspace(-1, 1, 1025)
    for width, scale in ((16, 1.0), (64, 4.0), (256, 4.0)):
        network = run.BoundedNetwork(lambda t: t**degree, width, scale, 1.0).fit(x, wave(x))
        found = run.error(network, wave)
        assert found > 0.999 * best  # fitted on another grid than it is measured on
    assert found == pytest.approx(best, rel=0.01)


@pytest.mark.slow
def test_the_sweep_prints_what_it_found_and_draws_it(tmp_path, capsys) -> None:
    errors = run.sweep((8, 32), (1, 16), 1.0)
    assert errors["tanh"].shape == (2, 2)
    assert fmean(errors["cubic"].ravel()) == pytest.approx(run.best_polynomial_error(3), rel=0.01)
    run.print_table(errors, (8, 32), (1, 16))
    assert f"{errors['relu'][1, 1]:.2g}" in capsys.readouterr().out
    run.draw(errors, (8, 32), (1, 16), tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 10_000
