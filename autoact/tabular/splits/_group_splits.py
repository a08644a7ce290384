"""Splits of whole groups of rows: what is learned from one is never judged by rows of the same one."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoact.errors import DataError, counted
from autoact.tabular.splits._row_splits import (
    FEWEST,
    FOLDS,
    LARGEST,
    SHARE,
    SHARE_OF_SMALL,
    SMALL,
    Indices,
    Split,
)

_COMPARED = 4  # groups at least that compare: with fewer, a verdict cannot take them as evidence
_STRATA = 5  # parts of a regression's target that are spread alike


def split_groups(
    y: NDArray[Any],
    groups: Indices,
    *,
    classes: bool,
    seed: int,
    source: str,
    compare: bool = True,
    fewest: int = FEWEST,
) -> Split:
    """Divide groups by seed; parts have the shares of `split_rows`, and targets nearly as the whole has.

    Args:
        y: The target.
        groups: Number of each row's group, from 0.
        classes: Whether the target holds classes.
        seed: Decides the split.
        source: What names the groups, for messages.
        compare: Whether to set comparison rows aside.
        fewest: Groups below which there is nothing to divide.

    Returns:
        The split.

    Raises:
        DataError: There are fewer groups.

    Example:
        >>> split = split_groups(np.arange(60) % 2, np.arange(60) // 5, classes=True, seed=0, source="'id'")
        >>> len(split.train), len(split.comparison), split.folds, len(set(split.groups.tolist()))
        (40, 20, 5, 4)
    """
    count = int(groups.max()) + 1
    if count < fewest:
        raise DataError(
            f"{source} names {counted(count, 'group')} of {counted(len(y), 'row')}; dividing groups takes at "
            f"least {fewest}. {_remedy(compare)}"
        )
    random = np.random.default_rng(seed)
    strata = y.astype(np.int64) if classes else _strata(y)
    small = len(y) <= SMALL
    part = np.zeros(len(y), dtype=np.int64)  # 0 learns, 1 compares
    if compare:
        share = min(SHARE_OF_SMALL if small else SHARE, LARGEST / len(y))
        part = _divided(groups, strata, (1 - share, share), (FOLDS, _COMPARED), random)
    learning, comparison = np.flatnonzero(part == 0), np.flatnonzero(part == 1)
    own, strata = groups[learning], strata[learning]
    if small:
        folds = min(FOLDS, len(np.unique(own)))
        fold = _divided(own, strata, (1 / folds,) * folds, (1,) * folds, random)
        train = selection = learning
    else:
        share = min(SHARE / (1 - SHARE) if compare else SHARE, LARGEST / len(learning))
        guides = _divided(own, strata, (1 - share, share), (1, 1), random) == 1
        train, selection = learning[~guides], learning[guides]
        folds, fold = 1, np.full(len(train), -1, dtype=np.int64)
    return Split(
        train=train,
        selection=selection,
        comparison=comparison,
        fold=fold,
        folds=folds,
        groups=groups[comparison],
    )


def _remedy(compare: bool) -> str:
    if compare:
        return (
            "Add rows of other groups, or leave the groups out: the verdict then holds for new rows of these."
        )
    return "Add rows of another group, or leave the groups out."


def _strata(y: NDArray[Any]) -> Indices:
    """Return numbers in as many rows each, small ones first."""
    ranks = np.argsort(np.argsort(y, kind="stable"), kind="stable")
    return (ranks * _STRATA // len(y)).astype(np.int64)


def _divided(
    groups: Indices,
    strata: Indices,
    shares: tuple[float, ...],
    least: tuple[int, ...],
    random: np.random.Generator,
) -> Indices:
    """Return the part of each row; the largest groups come first, and each goes where the sum grows least.

    The sum is over parts of (rows / all rows)² / share, of all rows and on average over strata: smallest
    where all parts have their share of each.

    Args:
        groups: Number of each row's group.
        strata: Number of each row's stratum.
        shares: Of the parts, in all 1.
        least: Groups that each part gets at least.
        random: Order of groups of one size.
    """
    names, groups = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), int(strata.max()) + 2))  # the last stratum is all rows
    np.add.at(counts, (groups, strata), 1)
    counts[:, -1] = counts.sum(1)
    whole = np.maximum(counts.sum(0), 1)
    order = random.permutation(len(names))
    order = order[np.argsort(-counts[order, -1], kind="stable")]
    held, lacking = np.zeros((len(shares), counts.shape[1])), np.array(least)
    part_of = np.empty(len(names), dtype=np.int64)
    for place, group in enumerate(order):
        more = (2 * held + counts[group]) * counts[group] / whole
        cost = (more[:, :-1].mean(1) + more[:, -1]) / np.array(shares)
        if lacking.sum() >= len(order) - place:  # as many groups are left as parts still need
            cost[lacking == 0] = np.inf
        part_of[group] = part = int(cost.argmin())
        held[part] += counts[group]
        lacking[part] = max(0, lacking[part] - 1)
    return part_of[groups]
