"""The estimators do what scikit-learn expects of one, and choose activations on the way."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

import autoact
from autoact.errors import AutoActError, DataError
from autoact.tabular import AutoActClassifier, AutoActRegressor

SMALL: dict[str, Any] = {"space": ["relu", "tanh"], "hidden": (16,), "max_epochs": 8, "random_state": 0}
BRIEF: dict[str, Any] = SMALL | {"max_epochs": 2}


NOT_OF_GRADIENT_STEPS = {  # as of scikit-learn's own SGDClassifier
    "check_sample_weight_equivalence_on_dense_data": "rows that repeat make other batches and folds"
}


@pytest.mark.slow
@parametrize_with_checks(
    [AutoActClassifier(**BRIEF), AutoActRegressor(**BRIEF)],
    expected_failed_checks=lambda estimator: NOT_OF_GRADIENT_STEPS,
)
def test_scikit_learn_accepts_the_estimator(estimator: Any, check: Any) -> None:
    if check.func.__name__ == "check_regressors_train":  # the one that asks for a good fit
        estimator.set_params(**SMALL)
    check(estimator)


class Frame:
    """As much of a data frame as an estimator asks for."""

    def __init__(self, **columns: list[Any]) -> None:
        self.data = columns
        self.columns = list(columns)
        self.dtypes = [np.asarray(cells).dtype for cells in columns.values()]
        self.shape = (len(columns[self.columns[0]]), len(columns))

    def __getitem__(self, name: str) -> np.ndarray:
        return np.asarray(self.data[name])

    def __len__(self) -> int:
        return self.shape[0]


def waves(rows: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    directions = np.array([[1.2, 0.0], [0.0, 1.2], [0.8, -0.8]])
    x = np.random.default_rng(seed).normal(size=(rows, 2))
    return x, np.sin(x @ directions.T).sum(1)


@pytest.mark.slow
def test_a_regressor_finds_the_activation_that_suits_and_reports_an_honest_loss() -> None:
    x, y = waves()
    model = AutoActRegressor(space=["relu", "sin"], hidden=(32,), max_epochs=30, random_state=0).fit(x, y)
    assert [choice.activation for choice in model.assignment_.values()] == ["sin"]
    fresh, truth = waves(seed=1)
    error = np.mean((model.predict(fresh) - truth) ** 2) / y.var()
    assert error < 0.1
    assert model.val_loss_ == pytest.approx(error, abs=0.05)
    assert model.verdict_ is None
    assert model.report_ == {}


@pytest.mark.slow
def test_the_loss_told_is_of_rows_not_learned_from() -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(60, 5)), random.normal(size=60)
    model = AutoActRegressor(space=["relu", "tanh"], max_epochs=60, random_state=0).fit(x, y)
    assert model.val_loss_ > 0.9  # noise: nothing can be known about other rows


@pytest.mark.slow
def test_a_classifier_cross_validates_and_its_probabilities_add_up() -> None:
    x, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    assert cross_val_score(AutoActClassifier(**SMALL), x, names, cv=3).mean() > 0.8
    model = AutoActClassifier(**SMALL).fit(x, names)
    probabilities = model.predict_proba(x)
    np.testing.assert_allclose(probabilities.sum(1), 1)
    assert (model.classes_[probabilities.argmax(1)] == model.predict(x)).all()


@pytest.mark.slow
def test_it_can_be_cloned_pickled_and_repeated() -> None:
    x, y = load_diabetes(return_X_y=True)
    first = AutoActRegressor(**SMALL).fit(x[:120], y[:120])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(first)).predict(x), first.predict(x))
    np.testing.assert_array_equal(clone(first).fit(x[:120], y[:120]).predict(x), first.predict(x))
    assert first.predict(x[:5]) == pytest.approx(first.predict(x)[:5], rel=1e-12)


@pytest.mark.slow
def test_text_dates_and_missing_values_of_a_frame_are_inputs() -> None:
    random = np.random.default_rng(0)
    towns = random.choice(["Ulm", "Bonn", ""], 80).tolist()
    frame = Frame(
        town=towns,
        size=[np.nan if i % 9 == 0 else float(i % 7) for i in range(80)],
        day=[f"2023-{i % 12 + 1:02}-15" for i in range(80)],
        note=[f"note {i}" for i in range(80)],
    )
    target = ["yes" if town == "Ulm" else "no" for town in towns]
    model = AutoActClassifier(**SMALL | {"max_epochs": 30}).fit(frame, target)
    assert not any(label.startswith("x3") for label in model.encoding_.labels)  # each row has its own note
    assert (model.predict(frame) == target).mean() > 0.95
    unseen = Frame(town=["Oslo", ""], size=[np.inf, 1.0], day=["never", "2031-01-01"], note=["", ""])
    assert np.isfinite(model.predict_proba(unseen)).all()
    strings = np.array([towns, [str(i % 7) for i in range(80)]], dtype=object).T
    assert AutoActClassifier(**SMALL).fit(strings, target).encoding_.labels[-1] == "x1"


@pytest.mark.slow
def test_a_budget_buys_a_search_with_a_verdict(tmp_path: Path) -> None:
    x, y = waves(80)
    model = AutoActRegressor(**SMALL, budget=2, seeds=2, out=tmp_path / "run").fit(x, y)
    assert model.verdict_ in ("improved", "no significant difference", "worse")
    written = json.loads((tmp_path / "run" / "report.json").read_text())
    assert model.report_ == {name: value for name, value in written.items() if name != "checksum"}
    if model.verdict_ != "worse":
        assert model.assignment_ == autoact.Assignment.load(tmp_path / "run" / "assignment.yaml")
    with pytest.raises(AutoActError, match="exists already"):
        model.fit(x, y)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"space": ["relu", "tahn"]}, "No activation named 'tahn'. Did you mean 'tanh'?"),
        ({"hidden": (16, 0)}, "hidden holds 0; it must hold whole numbers of at least 1"),
        ({"max_epochs": 0}, "max_epochs holds 0"),
        ({"budget": 0}, "budget is 0"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(AutoActError) as refused:
        AutoActRegressor(**SMALL | settings).fit(*waves(30))
    assert said in str(refused.value)


def test_useless_data_are_refused() -> None:
    with pytest.raises(DataError, match="y has one class only"):
        AutoActClassifier(**SMALL).fit(np.eye(10), ["a"] * 10)
    with pytest.raises(DataError, match="no column to learn from"):
        AutoActClassifier(**SMALL).fit(np.array([["a"]] * 10, dtype=object), list("ab" * 5))
    with pytest.raises(ValueError, match="X has 10 rows and y has 2; they must be as many"):
        AutoActRegressor(**SMALL).fit(np.array([["a"], ["b"]] * 5, dtype=object), [1.0, 2.0])


def test_text_where_training_had_numbers_is_refused_and_new_categories_are_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def rows(size: object, color: str) -> np.ndarray:
        return np.array(
            [[size if i % 9 else i, color if i % 3 else "red", "7"] for i in range(60)], dtype=object
        )

    model = AutoActClassifier(space=["relu", "tanh"], max_epochs=2, random_state=0)
    model.fit(rows(1.5, "blue"), np.arange(60) % 2)
    assert model.notes_ == ("column 'x2' is left out: it is constant",)
    model.predict(rows(1.5, "blue"))
    assert not caplog.messages
    model.predict(rows(1.5, "green"))
    (told,) = caplog.messages
    assert told.startswith("column 'x1': 40 of 60 cells are no category that the model tells apart")
    with pytest.raises(ValueError, match="column 'x0': 53 of 60 cells are no numbers, such as 'large'"):
        model.predict(rows("large", "blue"))
