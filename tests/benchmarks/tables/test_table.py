from pathlib import Path

import numpy as np
import pytest

from scripts.benchmarks.tables import Prior, SearchTable
from scripts.terminal import TABLES

NAMES = (("relu", "elu"), ("relu", "tanh", "sin"))


def table(**changes) -> SearchTable:
    rng = np.random.default_rng(0)
    settings = {
        "name": "small",
        "layers": ("a", "b"),
        "candidates": NAMES,
        "fractions": (0.25, 1.0),
        "selection": rng.standard_normal((4, 2, 3, 2)),
        "comparison": rng.standard_normal((4, 2, 3)),
        "mode": "min",
        "priors": {
            "one": Prior(scores=rng.standard_normal((5, 2, 3)), cost=1.5),
            "sum": Prior(scores=np.array([[[1.0, 2.0, np.nan], [3.0, 4.0, 5.0]]]), cost=1.0, additive=True),
        },
        "about": {"data": "none"},
    } | changes
    return SearchTable(**settings)


def test_a_file_gives_back_what_was_saved(tmp_path: Path):
    before = table()
    before.save(tmp_path / "small.npz")
    after = SearchTable.load(tmp_path / "small.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["small.npz"]
    assert (after.name, after.layers, after.candidates, after.fractions) == (
        "small",
        ("a", "b"),
        NAMES,
        (0.25, 1.0),
    )
    np.testing.assert_allclose(after.selection, before.selection, rtol=1e-6)
    np.testing.assert_allclose(after.comparison, before.comparison, rtol=1e-6)
    assert after.about == {"data": "none"}
    assert after.priors["one"].cost == 1.5
    np.testing.assert_allclose(after.priors["one"].scores, before.priors["one"].scores, rtol=1e-3)
    assert after.priors["sum"].score(0, (1, 2)) == 7.0


def test_averaged_weights_are_kept_and_checked(tmp_path: Path):
    values = np.random.default_rng(1).standard_normal((4, 2, 3, 2))
    table(averaged=values).save(tmp_path / "small.npz")
    found = SearchTable.load(tmp_path / "small.npz").averaged
    assert found is not None
    np.testing.assert_allclose(found, values, rtol=1e-6)
    with pytest.raises(ValueError, match=r"averaged \(4, 2, 3\); names ask for \(4, 2, 3, 2\)"):
        table(averaged=values[..., 0])


def test_regret_is_zero_for_the_best_and_one_for_the_median():
    at_end = np.array([[1.0, 4.0, 2.0], [6.0, 3.0, 5.0]])
    selection = np.stack([np.full_like(at_end, 9.0), at_end], axis=-1)[None]
    small = table(selection=selection, comparison=at_end[None], priors={})
    assert small.regret((0, 0)) == 0
    assert np.median(small.regrets) == 1
    assert small.value((1, 0), 0, 1) == 6.0
    large = table(selection=-selection, comparison=at_end[None], mode="max", priors={})
    np.testing.assert_allclose(large.regrets, small.regrets)


def test_a_failed_training_counts_as_the_worst():
    selection = np.zeros((2, 2, 3, 2))
    selection[:, 0, 0] = 7.0
    selection[0, 1, 1] = np.nan
    assert table(selection=selection, comparison=selection[..., 0]).truth[1, 1] == 3.5


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fractions": (0.25, 0.5)}, "must ascend and end at 1.0"),
        ({"fractions": (0.25, 0.5, 1.0)}, r"ask for \(4, 2, 3, 3\)"),
        ({"layers": ("a",)}, "1 layers, but candidates of 2"),
        ({"mode": "loss"}, "'min' or 'max'"),
        ({"priors": {"x": Prior(scores=np.zeros((2, 3, 3)), cost=1.0)}}, "prior 'x'"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        table(**changes)


def test_another_file_is_refused(tmp_path: Path):
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(ValueError, match="is not a search table"):
        SearchTable.load(tmp_path / "other.npz")


COMMITTED = sorted([*TABLES.glob("*.npz"), *TABLES.glob("held_out/*.npz")])


def test_there_are_tables_of_every_kind():
    assert {path.stem for path in COMMITTED} >= {"digits", "digits4", "wine", "abalone"}


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_a_committed_table_is_compact_and_complete(path: Path):
    committed = SearchTable.load(path)
    assert path.stat().st_size <= 150_000
    assert committed.seeds >= 10
    assert np.isfinite(committed.selection).all()
    assert np.isfinite(committed.comparison).all()
    assert {"data", "network", "training", "command", "versions", "machine", "date"} <= set(committed.about)
    assert all(prior.cost > 0 and np.isfinite(prior.scores).all() for prior in committed.priors.values())
