"""Splits of rows into those that train, guide the search and compare: each spread as the whole is."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoact.errors import DataError

Indices = NDArray[np.int64]  # of rows

FEWEST = 10  # rows that can be divided at all
SMALL = 2000  # rows up to which a cross-validation guides the search
FOLDS = 5
SHARE = 0.2  # of selection and of comparison data each
SHARE_OF_SMALL = 0.25  # of comparison data where there are few
LARGEST = 50_000  # rows of selection or comparison data that are enough


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Rows by what they are for.

    Attributes:
        train: Rows to learn from.
        selection: Rows that guide the search; the same as `train` where folds take turns.
        comparison: Rows that nothing but the final comparison reads.
        fold: The fold of each training row; -1 without folds.
        folds: How many there are; 1 without.
        groups: Number of the group of each comparison row; None where rows count one by one.
    """

    train: Indices
    selection: Indices
    comparison: Indices
    fold: NDArray[np.int64]
    folds: int
    groups: Indices | None = None


def split_rows(
    y: NDArray[Any], *, classes: bool, seed: int, compare: bool = True, fewest: int = FEWEST
) -> Split:
    """Divide rows by seed; each part has the target's classes, or its spread, as the whole has.

    Up to 2,000 rows, five folds take turns: each row guides the search through the models that have not
    learned from it. More rows have a part of their own for that.

    Args:
        y: The target.
        classes: Whether it holds classes.
        seed: Decides the split.
        compare: Whether to set comparison rows aside.
        fewest: Rows below which there is nothing to divide.

    Returns:
        The split.

    Raises:
        DataError: There are fewer rows.

    Example:
        >>> split = split_rows(np.arange(40) % 2, classes=True, seed=0)
        >>> len(split.train), len(split.comparison), split.folds
        (30, 10, 5)
    """
    if len(y) < fewest:
        raise DataError(
            f"The table has {len(y)} rows with a target; dividing them takes at least {fewest}. Add rows."
        )
    order = _spread(y, classes, np.random.default_rng(seed))
    small = len(y) <= SMALL
    compared = _every(order, SHARE_OF_SMALL if small else SHARE) if compare else order[:0]
    rest = order[~np.isin(order, compared)]
    if small:
        train = np.sort(rest)
        folds = min(FOLDS, len(rest))
        fold = np.empty(len(y), dtype=np.int64)
        fold[rest] = np.arange(len(rest)) % folds
        return Split(
            train=train, selection=train, comparison=np.sort(compared), fold=fold[train], folds=folds
        )
    selection = _every(rest, SHARE / (1 - SHARE) if compare else SHARE)
    train = np.sort(rest[~np.isin(rest, selection)])
    return Split(
        train=train,
        selection=np.sort(selection),
        comparison=np.sort(compared),
        fold=np.full(len(train), -1, dtype=np.int64),
        folds=1,
    )


def _spread(y: NDArray[Any], classes: bool, random: np.random.Generator) -> Indices:
    """Return all rows, similar targets side by side, equals in random order: any stride is then fair."""
    shuffled = random.permutation(len(y))
    if classes:
        return shuffled[np.argsort(y[shuffled], kind="stable")]
    ordered = shuffled[np.argsort(y[shuffled], kind="stable")]
    # shuffle within short stretches, so that the place in a stretch says nothing about the target
    jitter = np.arange(len(y)) + random.uniform(0, 10, len(y))
    return ordered[np.argsort(jitter, kind="stable")]


def _every(order: Indices, share: float) -> Indices:
    """Return a share of rows at even distances."""
    count = min(max(1, round(share * len(order))), LARGEST)
    places = (np.arange(count) + 0.5) * len(order) / count
    return order[places.astype(np.int64)]
