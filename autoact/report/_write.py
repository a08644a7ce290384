"""Files of the report, written into the run directory."""

from pathlib import Path

from autoact.report._leaderboard import leaderboard, to_csv
from autoact.report._page import render
from autoact.report._run import read_run
from autoact.spaces.files import write_text


def write_report(run_dir: str | Path) -> Path:
    """Write report.html and leaderboard.csv from a run's report.json and trainings.jsonl.

    Args:
        run_dir: A run directory that `run_search` or `autoact search` has finished.

    Returns:
        The path of report.html.

    Raises:
        RunDirectoryError: If the directory holds no finished run, or a file of it cannot be read.
        ConfigurationError: If the directory cannot be written.

    Example:
        >>> write_report("runs/of/yesterday")
        Traceback (most recent call last):
        autoact.errors.RunDirectoryError: runs/of/yesterday is not a directory; give the directory that
        `autoact search --out` named.
    """
    run = read_run(run_dir)
    rows = leaderboard(run)
    write_text(run.path / "leaderboard.csv", to_csv(rows))
    write_text(run.path / "report.html", render(run, rows))
    return run.path / "report.html"
