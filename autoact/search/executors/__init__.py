"""Executors: who does the trainings of a search."""

from autoact.search.executors._local import Inline, executor_for, threads_as_in, with_threads
from autoact.search.executors._sending import pickled, require_picklable, send
from autoact.search.executors._worker import received, require_no_import

__all__ = [
    "Inline",
    "executor_for",
    "pickled",
    "received",
    "require_no_import",
    "require_picklable",
    "send",
    "threads_as_in",
    "with_threads",
]
