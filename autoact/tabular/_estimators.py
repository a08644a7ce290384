"""Estimators for scikit-learn whose activations are chosen from the data they are fitted to."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from autoact.errors import ConfigurationError, DataError, log
from autoact.spaces import Assignment, SearchSpace
from autoact.tabular._fitting import Fit, Fitted
from autoact.tabular._new_rows import encode
from autoact.tabular._related_rows import group_numbers
from autoact.tabular.columns import ArrayEncoding, Encoding, fit_encoding, holds_text, text_columns
from autoact.tabular.files import Table
from autoact.training.tasks import Perceptron

_BATCH = 65536
_FEWEST = 2  # rows to fit
_LARGEST_SEED = 2**31 - 1

Space = SearchSpace | str | Path | Sequence[str] | Mapping[str, Any]


class _TrainingRows(NamedTuple):
    """Rows to fit: inputs, target, and weights and numbers of groups if there are any."""

    x: NDArray[np.float32]
    y: NDArray[Any]
    weights: NDArray[np.float64] | None
    groups: NDArray[np.int64] | None


class _AutoActEstimator(BaseEstimator):
    """What both estimators share: encoding of the inputs, the choice, and the model's answers."""

    def __init__(
        self,
        *,
        space: Space = "tabular",
        hidden: Sequence[int] = (64, 64),
        max_epochs: int | None = None,
        budget: int | None = None,
        seeds: int = 10,
        out: str | os.PathLike[str] | None = None,
        random_state: Any = None,
    ) -> None:
        self.space = space
        self.hidden = hidden
        self.max_epochs = max_epochs
        self.budget = budget
        self.seeds = seeds
        self.out = out
        self.random_state = random_state

    def _fit(self, rows: _TrainingRows, y: NDArray[Any], classes: int) -> Self:
        fit = Fit(
            x=rows.x,
            y=y,
            weights=rows.weights,
            groups=rows.groups,
            classes=classes,
            space=SearchSpace.of(self.space),
            hidden=_positive("hidden", self.hidden),
            max_epochs=None if self.max_epochs is None else _positive("max_epochs", [self.max_epochs])[0],
            seed=int(check_random_state(self.random_state).randint(_LARGEST_SEED)),
        )
        fitted: Fitted = (
            fit.by_mixture() if self.budget is None else fit.by_search(self.budget, self.seeds, self.out)
        )
        self.model_: Perceptron = fitted.model
        self.assignment_: Assignment = fitted.assignment
        self.val_loss_ = fitted.val_loss
        self.verdict_ = fitted.verdict
        self.report_ = fitted.report
        return self

    def _learn_encoding(self, X: Any, y: Any, sample_weight: Any, groups: Any) -> _TrainingRows:
        """Return the rows to fit: those with a weight above 0; keeps how the inputs are made."""
        encoding: Encoding | ArrayEncoding
        if holds_text(X):
            _, y = validate_data(self, X, column_or_1d(y, warn=True), skip_check_array=True)
            columns = text_columns(X)
            if len(columns[0]) != len(y):
                raise DataError(f"X has {len(columns[0])} rows and y has {len(y)}; they must be as many.")
            rows, weights = _weighed(sample_weight, y)
            columns = tuple([cells[row] for row in rows] for cells in columns)
            encoding = fit_encoding(self._names(len(columns)), columns, "X")
            x = encoding.encode(columns)
        else:
            array, y = validate_data(
                self, X, y, dtype=np.float64, ensure_all_finite="allow-nan", ensure_min_samples=_FEWEST
            )
            rows, weights = _weighed(sample_weight, y)
            encoding = ArrayEncoding.of(array[rows], self._names(array.shape[1]))
            x = encoding.encode(array[rows])
        self.encoding_ = encoding
        self.notes_ = encoding.remarks
        return _TrainingRows(x, y[rows], weights, _grouped(groups, rows, len(y)))

    def _names(self, count: int) -> list[str]:
        return list(getattr(self, "feature_names_in_", [f"x{place}" for place in range(count)]))

    def _answers(self, X: Any) -> torch.Tensor:
        """Return logits or numbers for rows, in float64."""
        check_is_fitted(self)
        if isinstance(self.encoding_, Encoding):
            validate_data(self, X, reset=False, skip_check_array=True)
            x = self._encoded(self.encoding_, text_columns(X))
        else:
            x = self.encoding_.encode(
                validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan")
            )
        with torch.inference_mode():
            parts = torch.from_numpy(x).double().split(_BATCH)
            return torch.cat([self.model_(part) for part in parts])

    def _encoded(self, encoding: Encoding, columns: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        """Return the inputs of new rows; what is not as in training is warned of, or refused."""
        table = Table(names=tuple(self._names(len(columns))), columns=tuple(columns), source="X")
        encoders = [encoder for _, encoder in encoding.encoders]
        x, notes = encode(encoders, [columns[place] for place, _ in encoding.encoders], table, rare=False)
        for note in notes:
            log.warning("%s", note)
        return x

    def __sklearn_tags__(self) -> Any:
        """Say that missing values are welcome and results depend on the seed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.non_deterministic = self.random_state is None
        return tags


class AutoActClassifier(ClassifierMixin, _AutoActEstimator):
    """A perceptron that chooses its activations, for classes.

    Inputs are scaled, missing values and columns of text are taken as they are. Up to 2,000 rows, five
    models side by side each leave a fifth of the rows to validation, and their mean predicts.

    Args:
        space: Search space: name, file, candidates, mapping, or a `SearchSpace`.
        hidden: Units per hidden layer.
        max_epochs: Length of a training; None takes one that suits the rows.
        budget: None trains one mixture and validates its choice against ReLU (three trainings). A number
            runs the full search of that budget, with a verdict on rows set aside.
        seeds: Fresh seeds of that search's confirmation.
        out: Run directory that it makes; None keeps none.
        random_state: Everything random follows from it.

    Attributes:
        classes_: The classes.
        assignment_: The activation of every layer.
        model_: The trained `Perceptron`.
        val_loss_: Cross entropy on rows that the model has not learned from, weighted as they are.
        verdict_: The full search's verdict, else None.
        report_: The full search's report, else empty.
        notes_: What was found in columns of text, one line each: what is left out, and guesses.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> model = AutoActClassifier(space=["relu", "tanh"], max_epochs=10, random_state=0).fit(X, y)
        >>> model.score(X, y) > 0.9
        True
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Choose activations and train.

        Args:
            X: Rows of numbers or text: array or data frame.
            y: A class per row.
            sample_weight: How much each row counts in training and validation, at least 0, in any unit; rows
                of weight 0 are left out. None: all alike.
            groups: The group of each row, such as a patient, in any form; rows of one group are never on both
                sides of a split. At least two groups, ten with a `budget`. None: rows are divided one by one.

        Raises:
            ValueError: The rows cannot be used; `autoact.errors.DataError` is one.
        """
        rows = self._learn_encoding(X, y, sample_weight, groups)
        check_classification_targets(rows.y)
        self.classes_, places = np.unique(rows.y, return_inverse=True)
        if len(self.classes_) < 2:
            counted = "" if rows.weights is None else " where sample_weight is above 0"
            raise DataError(
                f"y has one class only{counted}, {self.classes_.tolist()[0]!r}; there is nothing to predict."
            )
        return self._fit(rows, places.astype(np.int64), len(self.classes_))

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of each class, (rows, classes)."""
        return self._answers(X).softmax(1).numpy()

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of each row."""
        answers = self._answers(X)
        return self.classes_[answers.argmax(1).numpy()]


class AutoActRegressor(RegressorMixin, _AutoActEstimator):
    """A perceptron that chooses its activations, for numbers; arguments as for `AutoActClassifier`.

    Args:
        space: Search space: name, file, candidates, mapping, or a `SearchSpace`.
        hidden: Units per hidden layer.
        max_epochs: Length of a training; None takes one that suits the rows.
        budget: None trains one mixture and validates its choice; a number runs the full search.
        seeds: Fresh seeds of that search's confirmation.
        out: Run directory that it makes; None keeps none.
        random_state: Everything random follows from it.

    Attributes:
        assignment_: The activation of every layer.
        model_: The trained `Perceptron`.
        val_loss_: Squared error on rows that the model has not learned from, in units of the variance of y.
        verdict_: The full search's verdict, else None.
        report_: The full search's report, else empty.
        notes_: What was found in columns of text, one line each: what is left out, and guesses.

    Example:
        >>> X = np.random.default_rng(0).normal(size=(100, 2))
        >>> y = X[:, 0] * X[:, 1]
        >>> model = AutoActRegressor(space=["relu", "gelu"], max_epochs=30, random_state=0)
        >>> model.fit(X, y).score(X, y) > 0.5
        True
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Choose activations and train.

        Args:
            X: Rows of numbers or text: array or data frame.
            y: A number per row.
            sample_weight: How much each row counts in training and validation, at least 0, in any unit; rows
                of weight 0 are left out. None: all alike.
            groups: The group of each row, such as a patient, in any form; rows of one group are never on both
                sides of a split. At least two groups, ten with a `budget`. None: rows are divided one by one.

        Raises:
            ValueError: The rows cannot be used; `autoact.errors.DataError` is one.
        """
        rows = self._learn_encoding(X, y, sample_weight, groups)
        return self._fit(rows, np.asarray(rows.y, dtype=np.float64), 0)

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return a number for each row."""
        return self._answers(X).numpy()


def _weighed(sample_weight: Any, y: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
    """Return the rows with a weight above 0, and their weights if there are any."""
    if sample_weight is None:
        return np.arange(len(y)), None
    weights = np.asarray(_check_sample_weight(sample_weight, y, dtype=np.float64))
    if (weights < 0).any():
        row = int((weights < 0).argmax())
        raise DataError(f"sample_weight holds {weights[row]:g} (row {row}); weights must be at least 0.")
    rows = np.flatnonzero(weights)
    if len(rows) < _FEWEST:
        raise DataError(
            f"sample_weight is above 0 for {len(rows)} of {len(y)} rows, and zero for all others; it must be "
            f"for at least {_FEWEST}."
        )
    return rows, weights[rows] / weights.max()  # a sum of huge ones would be infinite


def _grouped(groups: Any, rows: NDArray[np.int64], count: int) -> NDArray[np.int64] | None:
    """Return the number of each row's group, if there are any.

    Args:
        groups: The group of each row that was given.
        rows: Those to fit.
        count: How many were given.
    """
    if groups is None:
        return None
    names = np.asarray(groups, dtype=object)  # None and NaN beside text stay what they are
    if names.ndim != 1 or len(names) != count:
        raise DataError(
            f"groups has the shape {names.shape}; it must be ({count},): a group for each row of X."
        )
    return group_numbers(names[rows].tolist(), "groups")


def _positive(name: str, sizes: Sequence[int]) -> tuple[int, ...]:
    wrong = [size for size in sizes if isinstance(size, bool) or not float(size).is_integer() or size < 1]
    if wrong:
        raise ConfigurationError(f"{name} holds {wrong[0]!r}; it must hold whole numbers of at least 1.")
    return tuple(int(size) for size in sizes)
