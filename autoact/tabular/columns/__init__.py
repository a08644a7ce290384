"""Columns of a table: what each holds, and the numbers that a model gets from it."""

from autoact.tabular.columns._arrays import ArrayEncoding, holds_text, text_columns
from autoact.tabular.columns._column import names_groups, read_moments
from autoact.tabular.columns._columns import Categories, Dates, Encoder, Numbers, level_of
from autoact.tabular.columns._encoding import Encoding, fit_encoding
from autoact.tabular.columns._stored_columns import from_plain, to_plain
from autoact.tabular.columns._target import Target, read_target

__all__ = [
    "ArrayEncoding",
    "Categories",
    "Dates",
    "Encoder",
    "Encoding",
    "Numbers",
    "Target",
    "fit_encoding",
    "from_plain",
    "holds_text",
    "level_of",
    "names_groups",
    "read_moments",
    "read_target",
    "text_columns",
    "to_plain",
]
