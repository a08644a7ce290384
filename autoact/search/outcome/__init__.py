"""Outcome of a search: its report, and the object that users get."""

from autoact.search.outcome._confirmed_front import labelled, note_front
from autoact.search.outcome._content import build_report
from autoact.search.outcome._live_record import LiveRecord
from autoact.search.outcome._reference import Measure, measured
from autoact.search.outcome._result import SearchResult, TrainingTable, load_run
from autoact.search.outcome._run_source import TableSource, kept_source, source_of

__all__ = [
    "LiveRecord",
    "Measure",
    "SearchResult",
    "TableSource",
    "TrainingTable",
    "build_report",
    "kept_source",
    "labelled",
    "load_run",
    "measured",
    "note_front",
    "source_of",
]
