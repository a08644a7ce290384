"""Tables without any code: CSV files for `autoact search --data`, estimators for scikit-learn."""

from autoact.tabular.reading import read_table
from autoact.tabular.table import Table
from autoact.tabular.task import TableTask, fingerprint, load_task

__all__ = ["Table", "TableTask", "fingerprint", "load_task", "read_table"]
