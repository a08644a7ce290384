"""Columns of a table: what each holds, and the numbers that a model gets from it."""

from autoact.tabular.columns._arrays import ArrayEncoding, holds_text, text_columns
from autoact.tabular.columns._columns import Categories, Dates, Encoder, LeftOut, Numbers
from autoact.tabular.columns._encoding import Encoding, fit_encoding
from autoact.tabular.columns._target import Target, read_target

__all__ = [
    "ArrayEncoding",
    "Categories",
    "Dates",
    "Encoder",
    "Encoding",
    "LeftOut",
    "Numbers",
    "Target",
    "fit_encoding",
    "holds_text",
    "read_target",
    "text_columns",
]
