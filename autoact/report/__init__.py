"""Report of a run for people: report.html, leaderboard.csv and a summary for the terminal."""

from autoact.report._page import write_report
from autoact.report._status import Status, status
from autoact.report._summary import summarize
from autoact.report._wording import MIXTURE, duration, number, setting

__all__ = ["MIXTURE", "Status", "duration", "number", "setting", "status", "summarize", "write_report"]


def __dir__() -> list[str]:
    return sorted(__all__)
