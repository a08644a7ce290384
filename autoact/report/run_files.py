"""The files of a run directory that a report is made from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoact.errors import RunDirectoryError

SCHEMA = 2

Training = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RunFiles:
    """What a finished run left: its results and every training behind them.

    Attributes:
        path: The run directory.
        report: report.json; keys may be missing where the search failed.
        trainings: The lines of trainings.jsonl, in the order in which the trainings ended.
    """

    path: Path
    report: Mapping[str, Any]
    trainings: tuple[Training, ...] = ()

    @property
    def metric(self) -> str:
        """Name of the monitored value."""
        return str(self.report.get("metric", "metric"))

    @property
    def larger_is_better(self) -> bool:
        """Whether the monitored value is to become large."""
        return self.report.get("mode") == "max"

    def of(self, *phases: str) -> list[Training]:
        """Return the trainings of some phases."""
        return [training for training in self.trainings if training["phase"] in phases]

    def comparison(self, baseline: str) -> Mapping[str, Any]:
        """Return the comparison with "original" or "best_uniform", or nothing."""
        return (self.report.get("comparisons") or {}).get(baseline) or {}

    def assignment_of(self, label: str) -> Mapping[str, Any]:
        """Return layer path -> choice of the training of this name, or nothing."""
        found = (t["assignment"] for t in self.trainings if t["label"] == label and t.get("assignment"))
        return next(found, {})

    @property
    def original(self) -> Mapping[str, Any]:
        """Layer path -> choice of the model as it was."""
        return self.report.get("original") or self.assignment_of("original")


def read_run(path: str | Path) -> RunFiles:
    """Read the results of a run.

    Args:
        path: A run directory.

    Returns:
        Its report and its trainings.

    Raises:
        RunDirectoryError: If the directory holds no finished run, or a file of it cannot be read.
    """
    path = Path(path)
    return RunFiles(path, _read_report(path), tuple(_read_trainings(path / "trainings.jsonl")))


def _read_report(path: Path) -> Mapping[str, Any]:
    file = path / "report.json"
    if not file.is_file():
        raise RunDirectoryError(_missing(path))
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunDirectoryError(f"{file} cannot be read: {error}. {_renew(path)}") from error
    if not isinstance(report, dict) or report.get("schema") != SCHEMA:
        came = report.get("schema") if isinstance(report, dict) else type(report).__name__
        raise RunDirectoryError(
            f"{file} has schema {came!r}; this version of autoact reads {SCHEMA}. {_renew(path)}"
        )
    return report


def _missing(path: Path) -> str:
    if not path.is_dir():
        return f"{path} is not a directory; give the directory that `autoact search --out` named."
    if (path / "config.yaml").is_file():
        return (
            f"{path} has no report.json: its search has not ended. Go on with: autoact search --resume {path}"
        )
    return (
        f"{path} has no report.json, so it is not a run directory; give the one that `autoact search` wrote."
    )


def _renew(path: Path) -> str:
    return f"Write it again: autoact search --resume {path}"


def _read_trainings(file: Path) -> list[Training]:
    """Return the lines that are whole; the last one may be torn."""
    if not file.is_file():
        return []
    lines = file.read_text(encoding="utf-8").split("\n")[:-1]
    try:
        return [json.loads(line) for line in lines]
    except ValueError as error:
        raise RunDirectoryError(
            f"{file} holds a line that is not JSON ({error}). Restore the file."
        ) from error
