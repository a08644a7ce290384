"""What data say is found in random tables whose truth is known."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autoact.advice import Advice, Needs, advise
from autoact.advice._description import describe
from autoact.advice.evidence._periods import find_period
from autoact.advice.evidence._projection_pursuit import find_index
from autoact.advice.evidence._shape import shape_of
from autoact.errors import ConfigurationError, DataError


def elu(t, a=0.3):
    return np.where(t > 0, t, a * np.expm1(np.minimum(t, 0)))


def table(path: Path, x: np.ndarray, y: np.ndarray) -> Path:
    names = ",".join([*(f"x{i}" for i in range(x.shape[1])), "y"])
    np.savetxt(path, np.column_stack([x, y]), delimiter=",", header=names, comments="", fmt="%.8g")
    return path


def evidence_of(found: Advice) -> Any:
    assert found.evidence is not None
    return found.evidence


@pytest.fixture
def advised(tmp_path) -> Callable[..., Advice]:
    """Give advice on y = f(w·x) + noise for a random direction w."""

    def of(f, seed=0, rows=800, inputs=4, noise=0.1, skewed=False, **needs) -> Advice:
        random = np.random.default_rng(seed)
        x = random.exponential(size=(rows, inputs)) - 1 if skewed else random.normal(size=(rows, inputs))
        w = random.normal(size=inputs)
        y = f(x @ w / np.linalg.norm(w)) + noise * random.normal(size=rows)
        return advise(Needs(**needs), table(tmp_path / f"{seed}.csv", 7 + 3 * x, y), "y")

    return of


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "sign"), [(0, 1), (1, -1), (2, 1)])
def test_asymmetric_evidence_is_recognized_whichever_way_it_points(advised, seed, sign) -> None:
    found = advised(lambda t: sign * elu(sign * t, 0.3 + 0.2 * seed) + 5, seed=seed, noise=0.03)
    assert evidence_of(found).shape.form == "one side saturates"
    assert evidence_of(found).shape.asymmetric
    assert found.candidates[0].name == "elu"
    assert "tanh" in {**found.ruled_out, **found.left_out}
    assert evidence_of(found).units[0].explained > 0.9


@pytest.mark.slow
def test_sides_that_saturate_both_lead_to_bounded_candidates(advised) -> None:
    found = advised(lambda t: 4 / (1 + np.exp(-3 * t)))
    assert evidence_of(found).shape.form == "both sides saturate"
    assert {"tanh", "sigmoid"} <= {c.name for c in found.candidates}
    assert found.ruled_out["relu"].startswith("saturates on one side, but the target saturates on both")
    assert "relu" not in {c.name for c in found.candidates}


@pytest.mark.slow
def test_two_slopes_lead_to_prelu(advised) -> None:
    found = advised(lambda t: np.where(t > 0, t, 0.35 * t), noise=0.05, rows=1500)
    assert evidence_of(found).shape.form == "two slopes"
    assert found.candidates[0].name == "prelu"
    assert "slope = 0.3" in found.candidates[0].reason


@pytest.mark.slow
def test_even_targets_are_found_although_they_have_no_linear_part(advised) -> None:
    found = advised(np.abs)
    assert evidence_of(found).shape.form == "turns"
    assert found.candidates[0].name in ("abs", "lisht")


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [pytest.param(0.2, marks=pytest.mark.slow), 0.8])
def test_the_parameter_is_recovered_where_there_is_no_noise(advised, alpha) -> None:
    found = advised(lambda t: elu(t, alpha), noise=0.0, inputs=1)
    assert evidence_of(found).units[0].name == "elu"
    assert evidence_of(found).units[0].explained > 0.999
    assert evidence_of(found).units[0].parameters["alpha"] == pytest.approx(alpha, rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_line_and_pure_noise_have_no_shape(advised, seed) -> None:
    for f in (lambda t: 3 * t, lambda t: 0 * t):
        found = advised(f, seed=seed, rows=400)
        assert evidence_of(found).shape.form == "line"
        assert evidence_of(found).period is None
        assert [c.name for c in found.candidates] == [c.name for c in advise().candidates]


@pytest.mark.slow
def test_the_direction_is_found_for_skewed_inputs(advised) -> None:
    assert evidence_of(advised(elu, skewed=True, noise=0.02, rows=1500)).units[0].explained > 0.9
    random = np.random.default_rng(1)
    x = random.exponential(size=(1500, 5)) - 1
    w = np.array([1.0, -2.0, 0.0, 0.5, 1.0]) / 2.5
    found = find_index(x, np.maximum(x @ w, 0)).weights
    assert abs(found @ w) / np.linalg.norm(found) / np.linalg.norm(w) > 0.999


@pytest.mark.parametrize("length", [1.7, 6.28, 11.0])
def test_a_period_is_found_with_its_length(tmp_path, length) -> None:
    random = np.random.default_rng(2)
    hour, other = random.uniform(0, 48, 500), random.normal(size=500)
    y = 2 * other + 0.1 * hour + np.sin(2 * np.pi * hour / length) + 0.3 * random.normal(size=500)
    found = advise(Needs(), table(tmp_path / "h.csv", np.column_stack([hour, other]), y), "y")
    assert evidence_of(found).period.column == "x0"
    assert evidence_of(found).period.length == pytest.approx(length, rel=0.03)
    assert {"snake", "sinusoid"} <= {c.name for c in found.candidates}


@pytest.mark.parametrize("f", [np.tanh, np.abs, lambda u: np.exp(-(u**2)), lambda u: np.sign(u - 0.3)])
def test_a_single_bend_is_no_period(f) -> None:
    u = np.random.default_rng(3).uniform(-3, 3, 400)
    assert find_period({"u": u}, f(2 * u)) is None


@pytest.mark.slow
def test_a_step_is_no_period_and_dates_are_told_in_days(tmp_path) -> None:
    x = np.random.default_rng(0).normal(size=300)
    step = advise(Needs(), table(tmp_path / "step.csv", x[:, None], np.where(x > 0.2, 1.5, -0.5)), "y")
    assert evidence_of(step).period is None
    days = [f"2024-{1 + i // 28:02d}-{1 + i % 28:02d}" for i in range(140)]
    since = [(np.datetime64(day) - np.datetime64("2024-01-01")).astype(int) for day in days]
    rows = "\n".join(f"{day},{np.sin(2 * np.pi * at / 9):.4f}" for day, at in zip(days, since, strict=True))
    (tmp_path / "days.csv").write_text(f"when,y\n{rows}\n")
    found = evidence_of(advise(Needs(), tmp_path / "days.csv", "y")).period
    assert found.column == "when (days)"
    assert found.length == pytest.approx(9, rel=0.02)


def test_heavy_tails_put_bounded_candidates_last(tmp_path) -> None:
    random = np.random.default_rng(4)
    x = random.normal(size=(2000, 2))
    y = x @ [1.0, 2.0] + random.standard_t(2.2, size=2000)
    found = advise(Needs(), table(tmp_path / "t.csv", x, y), "y")
    assert evidence_of(found).heavy_tails
    assert "tanh" not in [c.name for c in found.candidates[:5]]


@pytest.mark.parametrize(
    ("low", "high", "layer"),
    [(0.0, 1.0, "sigmoid"), (0.0, 9.0, "softplus"), (-1.0, 9.0, "none"), (-3.0, -1.0, "none")],
)
def test_the_targets_range_decides_what_follows_the_last_layer(tmp_path, low, high, layer) -> None:
    random = np.random.default_rng(5)
    file = table(tmp_path / "r.csv", random.normal(size=(60, 2)), random.uniform(low, high, 60))
    found = advise(Needs(), file, "y")
    assert evidence_of(found).output_layer == layer
    assert (f"After the last layer, {layer}" in describe(found)) == (layer != "none")


@pytest.mark.slow
def test_positive_targets_of_several_orders_of_magnitude_follow_an_exponential(tmp_path) -> None:
    grown = np.exp(np.random.default_rng(5).normal(0, 2, 300))
    file = table(tmp_path / "e.csv", grown[:, None] * [1, -1], grown)
    assert evidence_of(advise(Needs(), file, "y")).output_layer == "exp"


@pytest.mark.slow
def test_classes_categories_gaps_and_outliers_are_read(tmp_path) -> None:
    random = np.random.default_rng(6)
    lines = ["color;size;when;y"]
    for i in range(120):
        size = "?" if i % 11 == 0 else f"{random.normal():.3f}".replace(".", ",")
        lines.append(
            f"{'rgb'[i % 3]};{size};2024-01-{i % 28 + 1:02d};{'yes' if random.random() < 0.5 else 'no'}"
        )
    file = tmp_path / "mixed.csv"
    file.write_text("\n".join(lines))
    found = advise(Needs(derivatives=1), file, "y")
    assert evidence_of(found).output_layer == "sigmoid"
    assert evidence_of(found).shape is None
    x = np.concatenate([random.normal(size=(199, 1)), [[1e300]]])
    y = np.concatenate([elu(x[:199, 0]), [0.0]])
    assert evidence_of(advise(Needs(), table(tmp_path / "far.csv", x, y), "y")).shape is not None


@pytest.mark.slow
def test_needs_and_data_go_together(advised) -> None:
    found = advised(elu, derivatives=2)
    assert "elu" in found.ruled_out
    assert found.candidates[0].name == "softplus"
    assert found.space().require.smoothness == 2


def test_too_few_rows_and_half_of_the_data_are_refused(tmp_path) -> None:
    file = table(tmp_path / "few.csv", np.arange(12.0)[:, None] ** 2, np.arange(12.0) % 5 + 0.5)
    with pytest.raises(DataError, match="12 rows tell the target 'y'; a shape takes at least 30"):
        advise(Needs(), file, "y")
    with pytest.raises(ConfigurationError, match="go together"):
        advise(Needs(), file)


def test_shapes_of_exact_curves() -> None:
    t = np.random.default_rng(7).normal(size=2000)
    assert shape_of(t, t**3).form == "curve"
    assert shape_of(t, -elu(-t)).form == "one side saturates"
    assert shape_of(t, elu(t), bends=False).form == "line"
    assert shape_of(np.zeros(50), np.ones(50)).left == 0.0
