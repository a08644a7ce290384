"""Tables without any code: CSV files for `autoact search --data`, estimators for scikit-learn.

The estimators are loaded on first use: nothing else here needs scikit-learn.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from autoact.errors import ConfigurationError
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


def __getattr__(name: str) -> Any:
    """Load an estimator on first use (PEP 562)."""
    if name not in ("AutoActClassifier", "AutoActRegressor"):
        raise AttributeError(f"module 'autoact.tabular' has no attribute {name!r}")
    try:
        return getattr(import_module("autoact.tabular.estimators"), name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "sklearn":
            raise
        raise ConfigurationError(
            f"{name} needs scikit-learn, which is not installed: pip install 'autoact[tasks]'"
        ) from error
