"""Status of a run while it runs, or of one that stopped: read from its files, which it does not touch."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoact.dashboard import NAME, read_record
from autoact.records import PART_OF, Ledger, Report, RunDirectory, Training
from autoact.report._wording import assignment, duration, number
from autoact.spaces import Assignment

_PLURAL = {"trial": "trials", "baseline": "baselines"}
_RECENT = 20  # trainings, whose pace is that of the run


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Status of a run.

    Attributes:
        run: Its directory, as it was given.
        state: "running" on this machine, "finished", "failed", or "stopped": nobody here works on it, and
            where its files come from another machine, nobody can tell.
        verdict: None while there is none.
        done: Trainings that have ended, by part of the run.
        planned: How many trials and pairs of seeds there are at most; None where the budget is not known yet.
        failures: Trainings that raised.
        monitor: The monitored value.
        best: Its best value in the search.
        layers: The activations of that trial, in words.
        compared: Paired seeds on which choice and original were compared.
        quiet: Seconds since a training ended; None where none has.
        pace: Trainings per hour lately; None where nobody knows.
        left: Seconds that all planned trainings will take at this pace, at most; None where nobody knows.
        next: What to do next, a command.

    Example:
        >>> found = Status(run="runs/mine", state="stopped", verdict=None, done={"trials": 3}, compared=0,
        ...                planned={"trials": 20, "pairs": 10}, failures=0, monitor="val_loss", best=0.25,
        ...                layers="relu", quiet=None, pace=None, next="autoact search --resume runs/mine")
        >>> print(str(found).partition("  (")[0].rstrip())
        runs/mine: stopped
          trials       3 of 20
          best trial   val_loss 0.25, relu
          next         autoact search --resume runs/mine
    """

    run: str
    state: str
    verdict: str | None
    done: Mapping[str, int]
    planned: Mapping[str, int | None]
    failures: int
    monitor: str
    best: float | None
    layers: str | None
    compared: int
    quiet: float | None
    pace: float | None
    next: str
    left: float | None = None

    def __str__(self) -> str:
        """Return the lines that `autoact status` prints."""
        return "\n".join(_lines(self))


def status(path: str | os.PathLike[str]) -> Status:
    """Return how far a run is.

    Args:
        path: The run directory; it may be a copy from another machine.

    Raises:
        RunDirectoryError: There is no run, or a file of it cannot be read.

    Example:
        >>> status("runs/of/yesterday")
        Traceback (most recent call last):
        autoact.errors.RunDirectoryError: runs/of/yesterday does not exist, so there is no run...
    """
    directory = RunDirectory.open(path)
    settings, ledger = directory.configuration()["search"], Ledger(directory.ledger_file)
    report = directory.report()
    busy = directory.in_use()
    state = "running" if busy else _ended(report)
    best = _best(ledger, settings.get("mode") == "max")
    pace = _pace(ledger, int(settings.get("workers") or 1))
    return Status(
        run=str(path),
        state=state,
        verdict=None if report is None or busy else report.verdict,
        done=_done(ledger),
        planned={"trials": _trials(settings.get("budget"), ledger), "pairs": settings.get("seeds")},
        failures=sum(training.raised for training in ledger.trainings),
        monitor=str(settings.get("monitor") or "value"),
        best=None if best is None else best.selection,
        layers=None if best is None else assignment(best.assignment or Assignment({})),
        compared=_compared(ledger),
        quiet=_quiet(directory.ledger_file) if _trained(ledger) else None,
        pace=pace,
        left=_left(directory, ledger, pace) if busy else None,
        next=_next(path, state, directory),
    )


def _ended(report: Report | None) -> str:
    if report is None:
        return "stopped"
    return "failed" if report.verdict is None else "finished"


def _done(ledger: Ledger) -> dict[str, int]:
    counted = {_PLURAL.get(phase, phase): ledger.count(phase) for phase in PART_OF if phase != "probe"}
    return {name: count for name, count in counted.items() if count}


def _trials(budget: int | None, ledger: Ledger) -> int | None:
    """Return how many trials a budget leaves beside the mixture, which costs more than one."""
    return None if budget is None else int(budget - sum(t.share for t in ledger.of("one-shot")))


def _best(ledger: Ledger, larger: bool) -> Training | None:
    usable = [training for training in ledger.of("trial") if training.usable]
    choose = max if larger else min
    return choose(usable, key=lambda training: training.selection, default=None)


def _compared(ledger: Ledger) -> int:
    seeds: dict[str, set[int]] = {}
    for training in ledger.of("confirmation"):
        seeds.setdefault(training.label, set()).add(training.seed)
    both = [seeds[label] for label in ("selected", "original") if label in seeds]
    return len(both[0] & both[1]) if len(both) == 2 else 0


def _quiet(file: Path) -> float | None:
    try:
        return max(time.time() - file.stat().st_mtime, 0.0)
    except FileNotFoundError:
        return None


def _trained(ledger: Ledger) -> list[Training]:
    """Return the trainings; the probe's few steps are none."""
    return [training for training in ledger.trainings if training.phase != "probe"]


def _pace(ledger: Ledger, workers: int) -> float | None:
    recent = _trained(ledger)[-_RECENT:]
    seconds = sum(training.seconds for training in recent)
    return 3600 * len(recent) * workers / seconds if seconds else None


def _left(directory: RunDirectory, ledger: Ledger, pace: float | None) -> float | None:
    """Return how long what was planned takes, as the record of the run tells how much that is."""
    try:
        planned = read_record(directory.tensorboard("search") / NAME).get("planned")
    except (OSError, ValueError):
        return None
    if planned is None or pace is None:
        return None
    done = sum(training.share for training in _trained(ledger))
    return 3600 * max(planned - done, 0.0) / pace


def _next(path: Any, state: str, directory: RunDirectory) -> str:
    if state == "running":
        return f"autoact status {path}"
    return f"autoact report {path}" if state == "finished" else directory.resumption()


def _lines(found: Status) -> list[str]:
    told = f", verdict: {found.verdict}" if found.verdict else ""
    lines = [f"{found.run}: {found.state}{told}"]
    for name, count in found.done.items():
        lines.append(f"  {name:<13}{count}{_most(found, name)}")
    if found.failures:
        lines.append(f"  {'failed':<13}{found.failures} of them; report.html and the ledger name the reasons")
    if found.best is not None:
        lines.append(f"  {'best trial':<13}{found.monitor} {number(found.best)}, {found.layers}")
    if found.state in ("running", "stopped") and found.quiet is not None:
        pace = f"; {number(found.pace, 2)} trainings an hour" if found.pace else ""
        lines.append(f"  {'last ended':<13}{duration(found.quiet)} ago{pace}")
    if found.left is not None:
        lines.append(f"  {'time left':<13}{duration(found.left)} at most")
    lines.append(f"  {'next':<13}{found.next}")
    if found.state == "stopped":
        lines.append(f"  {'':<13}(nobody on this machine works on it; if these files are a copy of a run")
        lines.append(f"  {'':<13}elsewhere, ask there: what goes on here trains everything twice)")
    return lines


def _most(found: Status, name: str) -> str:
    most = found.planned.get("pairs" if name == "confirmation" else name)
    if most is None or (name == "confirmation" and found.state == "finished" and not found.compared):
        return ""  # a choice that is the original is compared with nothing
    return f", {found.compared} of at most {most} pairs of seeds" if name == "confirmation" else f" of {most}"
