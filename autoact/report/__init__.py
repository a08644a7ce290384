"""What a run found, for people: report.html, leaderboard.csv and a summary for the terminal."""

from autoact.report.leaderboard import Row, leaderboard
from autoact.report.run_files import RunFiles, read_run
from autoact.report.summary import summarize
from autoact.report.write import write_report

__all__ = ["Row", "RunFiles", "leaderboard", "read_run", "summarize", "write_report"]


def __dir__() -> list[str]:
    return sorted(__all__)
