"""Tables without any code: CSV files for `autoact search --data`, estimators for scikit-learn.

The estimators are loaded on first use: nothing else here needs scikit-learn.
"""

from typing import TYPE_CHECKING, Any

from autoact._names import public_names
from autoact.errors import needs
from autoact.tabular.reading import read_table
from autoact.tabular.table import Table
from autoact.tabular.task import TableTask, fingerprint, load_task

if TYPE_CHECKING:
    from autoact.tabular.estimators import AutoActClassifier, AutoActRegressor

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
        dict.fromkeys(("AutoActClassifier", "AutoActRegressor"), "autoact.tabular.estimators"),
    )

    def __getattr__(name: str) -> Any:
        """Load an estimator on first use (PEP 562)."""
        with needs("scikit-learn", f"autoact.tabular.{name}", module="sklearn"):
            return _load(name)
