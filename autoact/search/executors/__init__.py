"""Executors: who does the trainings of a search."""

from autoact.search.executors._local import (
    Inline,
    can_end,
    executor_for,
    in_processes,
    require_limits,
    threads_as_in,
    with_threads,
)
from autoact.search.executors._sending import pickled, require_picklable, send
from autoact.search.executors._worker import received, require_no_import

__all__ = [
    "Inline",
    "can_end",
    "executor_for",
    "in_processes",
    "pickled",
    "received",
    "require_limits",
    "require_no_import",
    "require_picklable",
    "send",
    "threads_as_in",
    "with_threads",
]
