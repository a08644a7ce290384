"""CSV files: from bytes to a table of text, and what single cells say."""

from autoact.tabular.files._cells import (
    DATE_FORMS,
    NUMBER_FORMS,
    Floats,
    Reading,
    best_form,
    dots_are_thousands,
    is_missing,
    number_forms,
    read_as,
    values,
)
from autoact.tabular.files._csv_reading import read_table
from autoact.tabular.files._table import Table

__all__ = [
    "DATE_FORMS",
    "NUMBER_FORMS",
    "Floats",
    "Reading",
    "Table",
    "best_form",
    "dots_are_thousands",
    "is_missing",
    "number_forms",
    "read_as",
    "read_table",
    "values",
]
