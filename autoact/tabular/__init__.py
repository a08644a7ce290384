"""Tables as problems: CSV files for `autoact search --data`, estimators for scikit-learn.

Estimators and predictors are loaded on first use: nothing else here needs scikit-learn, or a search.
"""

from typing import TYPE_CHECKING, Any

from autoact._names import public_names
from autoact.errors import needs
from autoact.tabular._column_table import column_rows, describe_columns
from autoact.tabular._table_task import TableTask, fingerprint, load_task
from autoact.tabular.files import Table, read_table

if TYPE_CHECKING:
    from autoact.tabular._estimators import AutoActClassifier, AutoActRegressor
    from autoact.tabular._predictor import Predictions, TablePredictor, load_predictor, save_columns

__all__ = [
    "AutoActClassifier",
    "AutoActRegressor",
    "Predictions",
    "Table",
    "TablePredictor",
    "TableTask",
    "column_rows",
    "describe_columns",
    "fingerprint",
    "load_predictor",
    "load_task",
    "read_table",
    "save_columns",
]


if not TYPE_CHECKING:
    _load, __dir__ = public_names(
        __name__,
        __all__,
        {
            **dict.fromkeys(("AutoActClassifier", "AutoActRegressor"), "autoact.tabular._estimators"),
            **dict.fromkeys(
                ("Predictions", "TablePredictor", "load_predictor", "save_columns"),
                "autoact.tabular._predictor",
            ),
        },
    )

    def __getattr__(name: str) -> Any:
        """Load an estimator or a predictor on first use (PEP 562)."""
        with needs("scikit-learn", f"autoact.tabular.{name}", module="sklearn"):
            return _load(name)
