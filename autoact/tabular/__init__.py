"""Tables as problems: CSV files for `autoact search --data`, estimators for scikit-learn.

The estimators are loaded on first use: nothing else here needs scikit-learn.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from autoact.errors import ConfigurationError
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


def __getattr__(name: str) -> Any:
    """Load an estimator on first use (PEP 562)."""
    if name not in ("AutoActClassifier", "AutoActRegressor"):
        raise AttributeError(f"module 'autoact.tabular' has no attribute {name!r}")
    try:
        return getattr(import_module("autoact.tabular._estimators"), name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "sklearn":
            raise
        raise ConfigurationError(
            f"{name} needs scikit-learn, which is not installed: pip install 'autoact[tasks]'"
        ) from error


def __dir__() -> list[str]:
    return sorted(__all__)
