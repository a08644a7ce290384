"""Tables as problems: CSV files for `autoact search --data`, estimators for scikit-learn.

The estimators are loaded on first use: nothing else here needs scikit-learn.
"""

from typing import TYPE_CHECKING, Any

from autoact._names import public_names
from autoact.errors import needs
from autoact.tabular._table_task import TableTask, fingerprint, load_task
from autoact.tabular.files import Table, read_table

if TYPE_CHECKING:
    from autoact.tabular._estimators import AutoActClassifier, AutoActRegressor

__all__ = [
    "AutoActClassifier",
    "AutoActRegressor",
    "Table",
    "TableTask",
    "fingerprint",
    "load_task",
    "read_table",
]


if not TYPE_CHECKING:
    _load, __dir__ = public_names(
        __name__,
        __all__,
        dict.fromkeys(("AutoActClassifier", "AutoActRegressor"), "autoact.tabular._estimators"),
    )

    def __getattr__(name: str) -> Any:
        """Load an estimator on first use (PEP 562)."""
        with needs("scikit-learn", f"autoact.tabular.{name}", module="sklearn"):
            return _load(name)
