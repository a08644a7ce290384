"""Runs nearby: what somebody may have meant who named a run directory that is none."""

import os
from difflib import get_close_matches
from pathlib import Path

from autoact.errors import did_you_mean

LEDGER = "trainings.jsonl"
_RUNS = "runs"  # where a search makes its directory unless it is told


def runs_nearby(path: str | os.PathLike[str]) -> list[str]:
    """Return the run directories beside a path, and those in `runs`.

    Args:
        path: What was given.

    Example:
        >>> runs_nearby("/nowhere/at/all")
        []
    """
    folders = dict.fromkeys([Path(path).parent, Path(path).parent / _RUNS])
    return [str(file.parent) for folder in folders for file in sorted(folder.glob(f"*/{LEDGER}"))]


def suggested_run(path: str | os.PathLike[str]) -> str:
    """Return " Did you mean 'runs/demo-1'?" for the run that is called most like it, or an empty string.

    Args:
        path: What was given.

    Example:
        >>> suggested_run("/nowhere/at/all")
        ''
    """
    named = {Path(run).name: run for run in runs_nearby(path)}
    close = get_close_matches(Path(path).name, named, n=1)
    return did_you_mean(named[close[0]], named.values()) if close else ""
