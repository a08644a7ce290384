"""Report of a run for people: report.html, leaderboard.csv and a summary for the terminal."""

from autoact.report._numbers import duration, number, setting
from autoact.report._summary import summarize
from autoact.report._write import write_report

__all__ = ["duration", "number", "setting", "summarize", "write_report"]


def __dir__() -> list[str]:
    return sorted(__all__)
