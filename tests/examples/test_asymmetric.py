"""One unit of ELU is the asymmetric target; the others stop at errors that theory gives."""

import math
from statistics import NormalDist

import numpy as np
import pytest

import autoact
from scripts.examples import asymmetric as run

PHI = NormalDist().cdf


def variance_of_exp() -> float:
    """Return Var[exp(t) | t < 0]."""
    return 2 * math.exp(2) * PHI(-2) - (2 * math.exp(0.5) * PHI(-1)) ** 2


def residual_of_the_best_line() -> float:
    """Return the mean squared error of the best line through exp(t), given t < 0."""
    mean, second = 2 * math.exp(0.5) * PHI(-1), 1.0
    t_mean = -math.sqrt(2 / math.pi)
    together = mean - math.sqrt(2 / math.pi)  # E[t exp(t) | t < 0], by parts
    covariance = together - t_mean * mean
    return variance_of_exp() - covariance**2 / (second - t_mean**2)


@pytest.mark.parametrize("a", [0.05, 0.3, 1.0, 2.7])
def test_elu_is_the_target(a) -> None:
    fit = run.best_unit("elu", a, run.points())
    assert fit.error < 1e-7
    assert fit.parameters["alpha"] == pytest.approx(a, rel=1e-6)


@pytest.mark.parametrize("a", [0.05, 0.3, 1.0, 2.7])
@pytest.mark.parametrize(
    ("names", "left_over"),
    [(("relu",), variance_of_exp), (("leaky_relu", "prelu"), residual_of_the_best_line)],
)
def test_no_training_gets_rectifiers_below_what_they_leave_over(a, names, left_over) -> None:
    t = run.points()
    least = a * math.sqrt(0.5 * left_over()) / np.std(run.target(t, a))
    for name in names:
        assert run.best_unit(name, a, t).error > 0.995 * least, name  # the points are a sample
    assert least > 0.004


def test_a_unit_that_saturates_on_both_sides_misses_the_line() -> None:
    t = run.points()
    assert run.best_unit("tanh", 0.3, t).error > 0.3
    assert all(run.best_unit(name, 0.3, t).error > 0.03 for name in run.ACTIVATIONS if name != "elu")


def test_equal_functions_are_equally_good() -> None:
    t = run.points()
    assert max(run.best_unit(name, 1.0, t).error for name in ("elu", "celu")) < 1e-7
    assert run.best_unit("selu", 1.6732632423543772, t).error < 1e-7


@pytest.mark.slow
def test_the_projection_names_elu_and_the_largest_weight_does_not(capsys) -> None:
    runs = [run.learn(0.3, seed) for seed in range(4)]
    assert all(run.is_elu(learned.projected, 0.3) for learned in runs)
    assert max(learned.error for learned in runs) < 0.02
    assert any(learned.largest_weight != "elu" for learned in runs)
    run.print_mixtures(runs, 0.3)
    assert "ELU:    4 of 4, α within 2 % in 4" in capsys.readouterr().out


def test_a_choice_is_judged_by_name_and_value() -> None:
    assert run.is_elu(autoact.Choice("elu", {"alpha": 0.305}), 0.3)
    assert not run.is_elu(autoact.Choice("elu", {"alpha": 0.31}), 0.3)
    assert not run.is_elu(autoact.Choice("celu", {"alpha": 0.3}), 0.3)
    assert not run.is_elu(autoact.Choice("relu"), 0.3)


def test_table_and_picture(tmp_path, capsys) -> None:
    fits = {name: run.best_unit(name, 0.3, run.points(101)) for name in run.DRAWN}
    run.print_units(fits)
    assert capsys.readouterr().out.splitlines()[1].startswith("elu ")
    fits = {name: run.best_unit(name, 0.3, run.points()) for name in run.DRAWN}
    run.draw(fits, [run.learn(0.3, 0, steps=2)], 0.3, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 10_000
