"""Executors: who does the trainings of a search."""

from autoact.search.executors._local import (
    Inline,
    can_end,
    executor_for,
    in_processes,
    require_limits,
    threads_as_in,
)
from autoact.search.executors._sending import require_picklable
from autoact.search.executors._worker import require_no_import

__all__ = [
    "Inline",
    "can_end",
    "executor_for",
    "in_processes",
    "require_limits",
    "require_no_import",
    "require_picklable",
    "threads_as_in",
]
