"""The data of the tables, what is stored of it, and what the description says of seeds."""

import numpy as np
import pytest

from scripts.benchmarks.tables import SearchTable, build, data, describe, tasks
from scripts.terminal import TABLES


@pytest.mark.parametrize("name", ["digits", "diabetes", "friedman", "spirals", "clusters"])
def test_rows_fit_the_network(tmp_path, name):
    task = tasks.TASKS[name]
    rows = task.load(tmp_path)
    x, y = rows.training
    assert x.shape[1] == task.sizes[0]
    assert (task.sizes[-1] == 1) == y.is_floating_point()
    assert y.is_floating_point() or int(y.max()) + 1 == task.sizes[-1]
    assert min(len(part[1]) for part in (rows.selection, rows.comparison)) >= 100
    assert x.mean(0).abs().max() < 0.05


@pytest.mark.slow
def test_words_and_images_become_principal_components(tmp_path):
    draw = np.random.default_rng(0)
    papers, places = np.nonzero(draw.random((1500, 60)) < 0.2)
    labels = draw.integers(0, 7, 1500)
    np.savez(tmp_path / "cora.npz", feature_rows=papers, feature_cols=places, num_features=60, labels=labels)
    x, _ = tasks.TASKS["cora"].load(tmp_path).training
    covariance = x.T @ x / len(x)
    assert x.shape == (1400, 40)
    assert (covariance - covariance.diag().diag()).abs().max() < 0.2  # uncorrelated, but for 100 other rows

    images = draw.integers(0, 255, (8000, 32, 32, 3)).astype(np.uint8)
    classes = draw.integers(0, 10, 8000)
    np.savez(tmp_path / "cifar10_15k.npz", train_images=images, train_labels=classes)
    rows = tasks.TASKS["cifar"].load(tmp_path)
    assert [tuple(part[0].shape) for part in (rows.training, rows.selection)] == [(4000, 40), (2000, 40)]


def test_components_do_not_depend_on_the_sign_that_is_open(monkeypatch):
    inputs = np.random.default_rng(0).normal(size=(200, 50))
    first = data._principal(inputs)
    eigh = np.linalg.eigh
    monkeypatch.setattr(np.linalg, "eigh", lambda matrix: (eigh(matrix)[0], -eigh(matrix)[1]))
    np.testing.assert_allclose(data._principal(inputs), first)
    assert (np.diff(first.var(axis=0)) <= 0).all()


def test_stored_numbers_keep_twelve_bits():
    values = np.array([[0.1, 1e-4, 77.0], [np.nan, np.inf, -3.3]])
    kept = build.rounded([{"selection": values}], "selection")
    np.testing.assert_allclose(kept, values, rtol=2.0**-12)
    assert kept[0, 2] == 77.0
    assert kept[0, 0] != 0.1


def test_the_variance_of_seeds_falls_into_its_parts():
    draw, shape, seeds = np.random.default_rng(0), (6, 5, 4), 3000
    alike, first, last, rest = (
        scale * draw.normal(size=(seeds, *size))
        for scale, size in (
            (0.5, (1, 1, 1)),
            (0.3, (6, 1, 1)),
            (0.2, (1, 1, 4)),
            (0.4, shape),
        )
    )
    truth = np.linspace(0, 2, 120).reshape(shape)  # the median one lies 1 above the best
    values = truth + alike + first + last + rest
    table = SearchTable(
        name="made",
        layers=("a", "b", "c"),
        candidates=tuple(tuple("abcdef"[:count]) for count in shape),
        fractions=(1.0,),
        selection=values[..., None],
        comparison=values,
        mode="min",
        priors={},
        about={},
    )
    found = describe.seed_parts(table)
    # what choices of a layer have in common belongs to the seed: 1 in 6 and 1 in 4 of their variances
    expected = (0.25 + 0.09 / 6 + 0.04 / 4, 0.09 * 5 / 6 + 0.04 * 3 / 4, 0.16)
    np.testing.assert_allclose(found, expected, rtol=0.06)


def test_held_out_tables_lie_apart():
    for folder, group in ((TABLES, tasks.DEVELOPMENT), (TABLES / "held_out", tasks.HELD_OUT)):
        defined = {task.name: task for task in group}
        stored = {path.stem: SearchTable.load(path) for path in folder.glob("*.npz")}
        assert stored.keys() == defined.keys()
        for name, table in stored.items():
            assert table.candidates == (defined[name].candidates,) * defined[name].depth


@pytest.mark.parametrize(
    ("name", "most", "expected"), [("digits", 64, 4), ("digits4", 81, 3), ("wine5", 40, 2)]
)
def test_a_thinned_task_has_the_first_and_the_last_candidate_and_no_more_than_most(name, most, expected):
    task = tasks.TASKS[name].thinned(most)
    assert len(task.candidates) == expected
    assert expected**task.depth <= most < (expected + 1) ** task.depth
    assert {tasks.TASKS[name].candidates[0], tasks.TASKS[name].candidates[-1]} <= set(task.candidates)
    assert tasks.TASKS[name].thinned(10**6).candidates == tasks.TASKS[name].candidates


def test_read_outs_take_a_value_per_epoch_at_either_rate():
    for decays in (False, True):
        regime = tasks.TASKS["digits"].read_out(decays).regime
        assert (regime.measured, regime.decays) == (tuple(range(1, 17)), decays)
        assert regime.averaged is not None
        assert regime.lr == tasks.TASKS["digits"].regime.lr
