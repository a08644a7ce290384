"""Executors: who does the trainings of a search."""

from autoact.search.executors._chosen import Place, place_for
from autoact.search.executors._local import Inline, executor_for, threads_as_in
from autoact.search.executors._remote import ClusterGoneError
from autoact.search.executors._sending import require_picklable
from autoact.search.executors._worker import require_no_import

__all__ = [
    "ClusterGoneError",
    "Inline",
    "Place",
    "executor_for",
    "place_for",
    "require_no_import",
    "require_picklable",
    "threads_as_in",
]
