"""Report of a run for people: report.html, leaderboard.csv and a summary for the terminal."""

from autoact.report._glossary import texts
from autoact.report._page import Live, write_live, write_report
from autoact.report._run import Run, read_run
from autoact.report._status import Status, status
from autoact.report._summary import answer, summarize
from autoact.report._view import compared_means, record_head, record_result, record_training
from autoact.report._wording import MIXTURE, duration, number, setting

__all__ = [
    "MIXTURE",
    "Live",
    "Run",
    "Status",
    "answer",
    "compared_means",
    "duration",
    "number",
    "read_run",
    "record_head",
    "record_result",
    "record_training",
    "setting",
    "status",
    "summarize",
    "texts",
    "write_live",
    "write_report",
]


def __dir__() -> list[str]:
    return sorted(__all__)
