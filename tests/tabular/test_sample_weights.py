"""Rows count in training and validation by their weights."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import cross_val_score

from autoact.errors import DataError
from autoact.tabular import AutoActClassifier, AutoActRegressor
from autoact.tabular._training_setup import loaders_for, model_for
from autoact.tabular.splits import split_rows
from tests.tabular.test_estimators import SMALL, Frame, waves

Estimator = type[AutoActClassifier] | type[AutoActRegressor]
BOTH = pytest.mark.parametrize("estimator", [AutoActClassifier, AutoActRegressor])
BRIEF: dict[str, Any] = SMALL | {"max_epochs": 3}


def table(estimator: Estimator, rows: int = 60) -> tuple[np.ndarray, np.ndarray]:
    x, y = waves(rows)
    return x, np.where(y > 0, "up", "down") if estimator is AutoActClassifier else y


def said(model: Any, x: Any) -> np.ndarray:
    return model.predict_proba(x) if isinstance(model, AutoActClassifier) else model.predict(x)


@BOTH
def test_rows_of_weight_zero_are_as_removed(estimator: Estimator) -> None:
    x, y = table(estimator)
    weights = np.where(np.arange(60) % 4 == 0, 0, 2.0)
    spoiled, left = x.copy(), weights > 0
    spoiled[~left] *= 1e3  # seen by no scale
    weighted = estimator(**BRIEF).fit(spoiled, y, sample_weight=weights)
    removed = estimator(**BRIEF).fit(x[left], y[left])
    np.testing.assert_array_equal(said(weighted, x), said(removed, x))
    assert weighted.val_loss_ == removed.val_loss_


@pytest.mark.slow
def test_columns_of_text_leave_out_rows_of_weight_zero() -> None:
    towns = ["Ulm", "Bonn"] * 20 + ["Oslo"]
    target = ["yes", "no"] * 20 + ["perhaps"]
    weights = [1.0] * 40 + [0.0]
    model = AutoActClassifier(**BRIEF).fit(Frame(town=towns), target, sample_weight=weights)
    assert not any("Oslo" in label for label in model.encoding_.labels)
    assert list(model.classes_) == ["no", "yes"]


@pytest.mark.slow
@BOTH
def test_the_unit_of_the_weights_does_not_matter(estimator: Estimator) -> None:
    x, y = table(estimator)
    plain = estimator(**BRIEF).fit(x, y)
    for alike in (np.full(60, 3.0), 0.25, np.full(60, 1e308)):
        np.testing.assert_array_equal(
            said(estimator(**BRIEF).fit(x, y, sample_weight=alike), x), said(plain, x)
        )
    weights = np.random.default_rng(0).uniform(0.5, 2, 60)
    first, second = (estimator(**BRIEF).fit(x, y, sample_weight=weights * unit) for unit in (1, 1024))
    np.testing.assert_array_equal(said(first, x), said(second, x))
    assert np.abs(said(first, x) - said(plain, x)).max() > 1e-3


@pytest.mark.slow
def test_a_regression_learns_the_weighted_mean() -> None:
    x = np.repeat(np.linspace(-1, 1, 100), 2)[:, None]
    y = np.tile([1.0, 0.0], 100)
    model = AutoActRegressor(**SMALL | {"max_epochs": 20})
    model.fit(x, y, sample_weight=np.tile([9.0, 1.0], 100))
    assert model.predict(x).mean() == pytest.approx(0.9, abs=0.03)
    assert model.val_loss_ == pytest.approx(1, abs=0.1)  # of the weighted variance, 0.09


@pytest.mark.slow
def test_a_classifier_learns_the_weighted_share() -> None:
    x = np.repeat(np.linspace(-1, 1, 100), 2)[:, None]
    y = np.tile(["a", "b"], 100)
    model = AutoActClassifier(**SMALL | {"max_epochs": 20})
    model.fit(x, y, sample_weight=np.tile([9.0, 1.0], 100))
    assert model.predict_proba(x)[:, 0].mean() == pytest.approx(0.9, abs=0.03)
    assert model.val_loss_ == pytest.approx(-0.9 * np.log(0.9) - 0.1 * np.log(0.1), abs=0.03)


@torch.no_grad()
@pytest.mark.parametrize("rows", [500, 50_000])
def test_each_part_validates_by_the_weighted_mean(rows: int) -> None:
    x, y, weights = numbers(rows)
    split = split_rows(y.numpy(), classes=False, seed=0)
    model = model_for(2, y[split.train].numpy(), 0, (4,), split.folds)().eval()
    said = model._each(x)
    errors, mean = (model._errors(each, y).numpy() for each in (said, said.mean(0, keepdim=True)))
    _, selection, comparison = loaders_for(x, y.numpy(), split, weights)
    own = np.maximum(split.fold, 0) if split.folds > 1 else 0
    assert mean_logged(model, selection) == pytest.approx(
        np.average(errors[own, split.selection], weights=weights[split.selection]), rel=1e-5
    )
    assert mean_logged(model, comparison) == pytest.approx(
        np.average(mean[0, split.comparison], weights=weights[split.comparison]), rel=1e-5
    )


def numbers(rows: int) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    random = np.random.default_rng(0)
    x, y = (torch.from_numpy(random.normal(size=shape)).float() for shape in ((rows, 2), rows))
    return x, y, random.exponential(size=rows)


def mean_logged(model: Any, loader: Any) -> float:
    """Return what Lightning makes of the batches: their mean, weighted by the sizes that they tell."""
    told: list[tuple[float, int]] = []
    model.log_dict = lambda values, batch_size: told.append((float(values["val_loss"]), batch_size))
    for place, batch in enumerate(loader):
        model.validation_step(batch, place)
    return float(np.average([value for value, _ in told], weights=[size for _, size in told]))


def test_a_training_step_is_the_weighted_mean_of_each_fold() -> None:
    x, y, values = numbers(30)
    fold, weights = torch.arange(30) % 3, torch.from_numpy(values).float()
    model = model_for(2, y.numpy(), 0, (4,), 3)().eval()
    errors = model._errors(model._each(x), y)
    expected = sum((errors[k] * weights)[fold != k].mean() for k in range(3))
    torch.testing.assert_close(model.training_step((x, y, fold, weights), 0), expected)


@pytest.mark.slow
def test_the_full_search_compares_by_weights(tmp_path: Any) -> None:
    x, y = table(AutoActRegressor, 80)
    weights = np.where(np.arange(80) % 2, 1.0, 3.0)
    searched = SMALL | {"budget": 2, "seeds": 2, "max_epochs": 3}
    found = AutoActRegressor(**searched).fit(x, y, sample_weight=weights)
    plain = AutoActRegressor(**searched).fit(x, y)
    alike = AutoActRegressor(**searched).fit(x, y, sample_weight=np.ones(80))
    values = [model.report_["confirmation"]["comparison"] for model in (found, plain, alike)]
    assert values[1] == values[2] != values[0]


@BOTH
def test_a_score_takes_weights(estimator: Estimator) -> None:
    x, y = table(estimator)
    weights = np.linspace(0, 1, 60)
    model = estimator(**BRIEF).fit(x, y)
    metric = accuracy_score if estimator is AutoActClassifier else r2_score
    assert model.score(x, y, weights) == metric(y, model.predict(x), sample_weight=weights)


@pytest.mark.slow
@BOTH
def test_a_cross_validation_hands_weights_on(estimator: Estimator, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = table(estimator)
    weights = np.arange(1.0, 61.0)
    seen = list[Any]()
    fit = estimator.fit

    def watched(self: Any, X: Any, y: Any, sample_weight: Any = None) -> Any:
        seen.append(sample_weight)
        return fit(self, X, y, sample_weight)

    monkeypatch.setattr(estimator, "fit", watched)
    cross_val_score(estimator(**BRIEF), x, y, cv=2, params={"sample_weight": weights}, error_score="raise")
    assert sorted(np.concatenate(seen)) == list(weights)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0] * 59 + [-2.0], r"sample_weight holds -2 \(row 59\); weights must be at least 0"),
        ([1.0] * 59 + [np.nan], "sample_weight contains NaN"),
        ([1.0] * 59, r"sample_weight.shape == \(59,\), expected \(60,\)"),
        ([[1.0]] * 60, "must be 1D array"),
        ([0.0] * 60, "zero"),
        ([1.0] + [0.0] * 59, "above 0 for 1 of 60 rows"),
        (["heavy"] * 60, "could not convert string to float"),
    ],
)
@BOTH
def test_weights_that_cannot_be_are_refused(estimator: Estimator, weights: Any, message: str) -> None:
    x, y = table(estimator)
    text = Frame(a=[str(value) for value in x[:, 0]], b=["u", "v"] * 30)
    for rows in (x, text):
        with pytest.raises(ValueError, match=message):
            estimator(**BRIEF).fit(rows, y, sample_weight=weights)


def test_weights_that_leave_one_class_are_refused() -> None:
    x, y = table(AutoActClassifier)
    with pytest.raises(DataError, match="one class only where sample_weight is above 0, 'up'"):
        AutoActClassifier(**BRIEF).fit(x, y, sample_weight=(y == "up") * 1.0)
