"""The parts of a table are disjoint, seeded, and alike."""

import numpy as np
import pytest

from autoact.errors import DataError
from autoact.tabular.splits import FOLDS, split_rows


@pytest.mark.parametrize("rows", [10, 11, 20, 37, 500, 2000, 2001, 5000])
@pytest.mark.parametrize("classes", [True, False])
def test_parts_are_disjoint_complete_and_alike(rows: int, classes: bool) -> None:
    random = np.random.default_rng(rows)
    y = (random.random(rows) < 0.3).astype(int) if classes else random.normal(size=rows)
    parts = split_rows(y, classes=classes, seed=3)
    if parts.folds > 1:
        assert np.array_equal(parts.train, parts.selection)
        together = [parts.train, parts.comparison]
        assert set(parts.fold) == set(range(FOLDS))
        assert np.bincount(parts.fold).max() - np.bincount(parts.fold).min() <= 1
    else:
        together = [parts.train, parts.selection, parts.comparison]
        assert set(parts.fold) == {-1}
    assert sorted(np.concatenate(together)) == list(range(rows))
    if rows >= 500:
        for part in together:
            assert y[part].mean() == pytest.approx(y.mean(), abs=0.03)
        for fold in set(parts.fold):
            assert y[parts.train][parts.fold == fold].mean() == pytest.approx(y.mean(), abs=0.06)


def test_the_seed_decides() -> None:
    y = np.arange(200) % 2
    first, again, other = (split_rows(y, classes=True, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.comparison, again.comparison)
    assert np.array_equal(first.fold, again.fold)
    assert not np.array_equal(first.comparison, other.comparison)


def test_without_comparison_every_row_is_used() -> None:
    assert len(split_rows(np.arange(50), classes=False, seed=0, compare=False).train) == 50
    parts = split_rows(np.arange(5000), classes=False, seed=0, compare=False)
    assert len(parts.train) + len(parts.selection) == 5000


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(DataError, match="has 9 rows with a target; dividing them takes at least 10"):
        split_rows(np.arange(9), classes=False, seed=0)
