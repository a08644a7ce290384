"""Earlier runs as experience: trainings moved by relative depth, both processes, pairs of tables."""

import numpy as np
import pytest

from autoact.search.optimizer._gaussian_process import GaussianProcess
from autoact.search.optimizer._kernel import AssignmentKernel
from autoact.search.optimizer._observations import Observations, Points
from scripts.benchmarks.experience import Earlier, earlier_run, joint_fit, mean_fit, similar_runs
from scripts.benchmarks.tables import SearchTable, tasks
from scripts.terminal import TABLES

NAMES = ("relu", "elu", "tanh")
KERNEL = AssignmentKernel.of([NAMES] * 2)
EVERY = np.array([(a, b) for a in range(3) for b in range(3)])


def seen(values, rows=EVERY):
    """Return observations of assignments, one each."""
    count = len(values)
    return Observations(
        assignments=rows[:count],
        fidelities=np.ones(count),
        runs=np.arange(count),
        values=np.asarray(values, dtype=np.float64),
        hyperparameters=np.empty((count, 0)),
        seeds=np.zeros(count, dtype=np.intp),
    )


BEFORE = Earlier(KERNEL, seen(np.arange(9.0)), ("relu", "relu"))
FITS = {"mean": mean_fit(BEFORE, KERNEL.sizes, 0.7, 0.1), "joint": joint_fit(BEFORE, 0.5)}


@pytest.mark.parametrize("way", FITS)
def test_what_was_not_tried_is_believed_as_the_earlier_run_says(way):
    few = seen([0.0, 8.0], EVERY[[0, 8]])
    process = FITS[way](KERNEL, few)
    means = process.mean(Points.means(EVERY[1:8]))
    assert np.corrcoef(means, np.arange(1, 8))[0, 1] > 0.9
    np.testing.assert_allclose(process.posterior(Points.means(EVERY)).mean, process.mean(Points.means(EVERY)))
    np.testing.assert_allclose(process.observed_means(), process.mean(Points.means(few.assignments)))


@pytest.mark.parametrize("way", FITS)
def test_a_variance_is_what_is_left_of_that_of_the_prior(way):
    process = FITS[way](KERNEL, seen(np.arange(9.0)))
    points = process.posterior(Points.means(EVERY)).points
    prior = np.diag(process.covariance.between(points, points))
    np.testing.assert_allclose(process.covariance.diagonal(points), prior)
    assert (process.posterior(Points.means(EVERY)).variance < prior).all()


@pytest.mark.parametrize("way", FITS)
def test_an_earlier_run_that_says_the_opposite_is_ignored(way):
    opposite = FITS[way](KERNEL, seen(np.arange(9.0)[::-1])).observed_means()
    plain = GaussianProcess.fit(KERNEL, seen(np.arange(9.0)[::-1])).observed_means()
    assert np.corrcoef(opposite, plain)[0, 1] > 0.95


def test_an_earlier_run_is_moved_by_relative_depth():
    whole = SearchTable.load(TABLES / "digits4.npz")
    earlier = earlier_run(TABLES / "digits.npz", 0, whole)
    assert earlier.kernel.sizes == (8,) * 4  # digits4's five come first
    assert len(earlier.choice) == 4
    assert all(name in own for name, own in zip(earlier.choice, whole.candidates, strict=True))
    rows = earlier.seen.assignments
    assert len(rows) >= 20 + 8
    assert (rows[:, 1] == rows[:, 0]).all() or (rows[:, 1] == rows[:, 2]).all()  # of three layers


def test_half_a_task_has_half_of_everything(tmp_path):
    whole, half = tasks.TASKS["clusters"], tasks.TASKS["clusters_half"]
    assert half.sizes == (20, 12, 12, 12, 4)
    assert half.regime.lr == 2 * whole.regime.lr
    rows, all_rows = half.load(tmp_path), whole.load(tmp_path)
    assert len(rows.training[0]) == len(all_rows.training[0]) // 2
    assert len(rows.selection[0]) == len(all_rows.selection[0])


@pytest.mark.slow
def test_the_short_run_compares_every_way(capsys, monkeypatch):
    monkeypatch.setattr(similar_runs, "DEVELOPMENT", {"digits4": ("digits", "wine")})
    similar_runs.main(["--short", "--workers", "1"])
    printed = capsys.readouterr().out
    assert "| digits4 |" in printed
    assert all(f"| {way}, other data" in printed for way in similar_runs.WAYS)
