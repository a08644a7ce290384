"""Splits by time: what is learned from earlier rows is judged by later ones."""

import numpy as np

from autoact.errors import DataError, counted
from autoact.tabular.splits._row_splits import FEWEST, LARGEST, SHARE, Indices, Split

_COMPARED = 4  # moments at least that compare: with fewer stretches, a verdict cannot take them as evidence
_STRETCHES = 32  # of time, in which comparison rows are evidence


def split_times(moments: Indices, *, source: str) -> Split:
    """Divide rows by time: the earliest train, later ones guide the search, the latest compare.

    Rows of one moment stay together. Comparison rows that are near in time are no independent evidence: they
    are grouped in stretches of time.

    Args:
        moments: Rank of each row's moment, from 0; equal ones have one.
        source: What tells the times, for messages.

    Returns:
        The split, without folds: rows from before and after would have to guide the search.

    Raises:
        DataError: There are too few moments.

    Example:
        >>> split = split_times(np.arange(50), source="'date'")
        >>> [(rows[0].item(), rows[-1].item()) for rows in (split.train, split.selection, split.comparison)]
        [(0, 29), (30, 39), (40, 49)]
    """
    ends = np.bincount(moments).cumsum()
    if len(ends) < FEWEST:
        raise DataError(
            f"{source} tells {counted(len(ends), 'moment')} of {counted(len(moments), 'row')}; dividing by "
            f"time takes at least {FEWEST}. Name a finer time, or none."
        )
    share = min(SHARE, LARGEST / len(moments))
    compares = _nearest(ends, (1 - share) * len(moments), least=2, most=len(ends) - _COMPARED)
    guides = _nearest(ends, (1 - 2 * share) * len(moments), least=1, most=compares - 1)
    train, selection, comparison = (
        np.flatnonzero((first <= moments) & (moments < last))
        for first, last in ((0, guides), (guides, compares), (compares, len(ends)))
    )
    return Split(
        train=train,
        selection=selection,
        comparison=comparison,
        fold=np.full(len(train), -1, dtype=np.int64),
        folds=1,
        groups=_stretches(moments[comparison] - compares),
    )


def _nearest(ends: Indices, rows: float, *, least: int, most: int) -> int:
    """Return how many moments, within limits, hold a number of rows."""
    return least + int(np.abs(ends[least - 1 : most] - rows).argmin())


def _stretches(moments: Indices) -> Indices:
    """Return the stretch of each row: of as many rows each as whole moments allow."""
    sizes = np.bincount(moments)
    if len(sizes) <= _STRETCHES:
        return moments
    middles = sizes.cumsum() - sizes / 2
    return np.unique((middles * _STRETCHES / len(moments)).astype(np.int64), return_inverse=True)[1][moments]
