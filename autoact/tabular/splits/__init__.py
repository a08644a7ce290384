"""Splits of a table: row by row, by groups of rows, or by time."""

from autoact.tabular.splits._group_splits import split_groups
from autoact.tabular.splits._row_splits import FEWEST, FOLDS, Indices, Split, split_rows
from autoact.tabular.splits._time_splits import split_times

__all__ = ["FEWEST", "FOLDS", "Indices", "Split", "split_groups", "split_rows", "split_times"]
