"""Rows of the comparison data: values of a training by group of rows, and what they say of a difference."""

from dataclasses import dataclass
from math import nan


@dataclass(frozen=True, slots=True, kw_only=True)
class RowGroups:
    """The monitored value of one trained model on groups of the comparison rows.

    Attributes:
        values: Mean over the rows of each group, (G,); empty where they cannot be told apart.
        weights: Rows of each group, or what else the value is averaged over, (G,).
        data: Number that is the same where the same rows came in the same order.
        grouped: Whether groups are those that were given, not batches or rows taken at random.
        unknown: Why there are no values; None where there are.

    Example:
        >>> RowGroups(values=(0.5, 0.25), weights=(10, 10)).unknown is None
        True
    """

    values: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()
    data: int = 0
    grouped: bool = False
    unknown: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowEffect:
    """What the choice of comparison rows does to a mean difference.

    Attributes:
        groups: Groups of rows on which the models were compared.
        sd: Standard deviation of the mean difference over other rows of the same kind and number; 0 where
            groups differ no more than by chance, NaN where unknown.
        share: Of the variance behind the interval, what comes from rows; the rest comes from seeds.
        degrees: Of freedom of the interval.
        grouped: Whether groups are those that were given: only others are more evidence.
        limit: Whether more seeds would not decide, because the interval would stay too wide.
        unknown: Why it could not be estimated, so that the interval covers seeds alone; None where it was.

    Example:
        >>> RowEffect(groups=32, sd=0.01, share=0.75).limit
        False
    """

    groups: int = 0
    sd: float = nan
    share: float = nan
    degrees: float = nan
    grouped: bool = False
    limit: bool = False
    unknown: str | None = None
