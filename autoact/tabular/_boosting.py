"""Gradient boosting on the rows of a table's networks: what a verdict names beside them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from autoact.errors import MissingPackageError, needs
from autoact.records import Reference

NAME = "gradient boosting (scikit-learn's defaults)"
_MOST_CLASSES = 100  # each takes a tree in every round: beyond, it would take minutes


def boosting(data: Sequence[DataLoader[Any]], classes: int, scale: float, metric: str) -> Reference:
    """Fit scikit-learn's histogram gradient boosting to the training rows and measure it on comparison rows.

    It is fitted once, with scikit-learn's defaults, to the networks' inputs. Selection rows beyond
    the training rows are not read: the networks do not learn from them, either.

    Args:
        data: Loaders of training, selection and comparison rows.
        classes: How many; 0 for a regression.
        scale: Standard deviation of a regression's target on training rows, the unit of `val_loss`.
        metric: Name of the value: `val_loss`, and `val_acc` (classes) or `val_mae`.

    Returns:
        Its value, or why there is none.
    """
    try:
        with needs("scikit-learn", "it", module="sklearn"):
            from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    except MissingPackageError as error:
        return Reference(name=NAME, why_not=str(error))
    if classes > _MOST_CLASSES:
        return Reference(name=NAME, why_not=f"{classes} classes take it a tree each in every round")
    (x, y), (new, wanted) = (_rows(loader) for loader in (data[0], data[2]))
    if classes:
        model = HistGradientBoostingClassifier(random_state=0).fit(x, y)
        said = np.zeros((len(new), classes))
        known = model.classes_
        said[:, known] = model.predict_proba(new)[:, : len(known)]  # of one class alone it gives two columns
        errors = _errors_of_classes(said, wanted)
    else:
        off = HistGradientBoostingRegressor(random_state=0).fit(x, y).predict(new) - wanted
        errors = {"val_loss": np.square(off / scale), "val_mae": np.abs(off)}
    if metric not in errors:
        return Reference(name=NAME, why_not=f"it has no {metric}, only {' and '.join(errors)}")
    return Reference(name=NAME, value=float(errors[metric].mean()))


def _rows(loader: DataLoader[Any]) -> tuple[NDArray[np.float64], NDArray[Any]]:
    x, y, *_ = loader.dataset.tensors  # type: ignore[attr-defined]
    return x.numpy().astype(np.float64), y.numpy()


def _errors_of_classes(said: NDArray[np.float64], wanted: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """Return each row's cross entropy and whether its class was named; a probability of 0 counts as 2e-16."""
    share = said[np.arange(len(wanted)), wanted]
    right = (said.argmax(1) == wanted).astype(np.float64)
    return {"val_loss": -np.log(np.maximum(share, np.finfo(np.float64).eps)), "val_acc": right}
