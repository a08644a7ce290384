"""Resumption of a run: whether it is the same, what it knows already, and what is asked of it beyond that."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from autoact.errors import SearchFailedError, first_few, log
from autoact.records import Ledger, Report, RunDirectory, Stack
from autoact.report import duration
from autoact.search.clusters import ClusterGoneError
from autoact.search.phases import Prepared
from autoact.search.setup import (
    Counts,
    Seeds,
    Settings,
    changes,
    extended,
    require_same,
    require_same_problem,
    resumed,
    seeds_for,
)
from autoact.search.study import Search, check_storage
from autoact.search.trainings import spent
from autoact.spaces import SearchSpace

_SHOWN = 6  # layers


def how_to_go_on(out: str | os.PathLike[str] | None) -> str:
    """Return a line that says how to go on with a run; empty before there is one.

    Args:
        out: The run directory, which need not exist.
    """
    run = RunDirectory(Path(out or ""))
    return f"Go on with: {run.resumption()}" if out is not None and run.configuration_file.is_file() else ""


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[RunDirectory]:
    """Open a run directory to go on with its run; no other process may meanwhile."""
    directory = RunDirectory.open(path)
    with directory.locked(), directory.naming():
        if directory.drop_damaged_report():
            log.warning("%s was damaged; it is written again.", directory.report_file)
        directory.require_whole(Ledger(directory.ledger_file))
        directory.sweep()
        yield directory


@contextmanager
def continuable(directory: RunDirectory) -> Iterator[None]:
    """Say how to go on where a cluster is gone.

    Raises:
        SearchFailedError: It is.
    """
    try:
        yield
    except ClusterGoneError as error:
        raise SearchFailedError(
            f"{error} Nothing that has ended is lost. Go on with: {directory.resumption()}"
        ) from error


def settings_again(directory: RunDirectory, space: SearchSpace, given: Mapping[str, Any]) -> Settings:
    """Return the settings of a run that goes on; refuse those of another one.

    Args:
        directory: Of the run.
        space: The search space that was given.
        given: Settings by name; what is not given stays as it was.
    """
    stored = directory.configuration()
    settings = resumed(stored, given, hours_spent(directory, given.get("workers") or 1))
    require_same(stored, settings, space)
    check_storage(settings.storage, resumed=True)
    return settings


def is_same(directory: RunDirectory, prepared: Prepared, identity: Mapping[str, Any], accept: bool) -> bool:
    """Tell whether a run's model, data and layers are what they were; refuse others, unless accepted."""
    before = directory.configuration().get("fingerprint")
    found = changes(before, identity) if before else []  # of an earlier version, nothing is known
    found += _other_layers(directory, prepared)
    if not accept:
        require_same_problem(found)
    return not found


def _other_layers(directory: RunDirectory, prepared: Prepared) -> list[str]:
    """Return how the layers differ from those of trials that are done: another version may find others."""
    idle = directory.configuration().get("idle_layers") or ()
    now = [path for each in prepared.plan.variables for path in each.layers if path not in idle]
    trials = Ledger(directory.ledger_file).of("trial")
    before = dict.fromkeys(path for each in trials for path in each.assignment or ())
    parts = {"new": [path for path in now if path not in before], "gone": [p for p in before if p not in now]}
    if not before or not any(parts.values()):
        return []
    listed = (f"{what}: {first_few(paths, _SHOWN)}" for what, paths in parts.items() if paths)
    return [f"searched layers ({'; '.join(listed)})"]


def as_probed(prepared: Prepared, directory: RunDirectory) -> Prepared:
    """Return a resumed search with what its probe found: idle layers, no mixture, how many train as one."""
    known = directory.configuration()
    found = prepared.without(known.get("idle_layers") or (), known.get("unsaid") or {})
    found = found.without_mixture(known.get("no_mixture") or "")
    found = found.costing(directory.costs())
    stack, asked = Stack(**known.get("stack") or {}), prepared.plan.settings.stack
    if asked not in ("auto", known["search"].get("stack")):  # the same gives what was found to be possible
        size = asked if isinstance(asked, int) else 1
        stack = replace(stack, size=size, round=size)
    return found.stacked(stack)


def extend(directory: RunDirectory, settings: Settings) -> None:
    """Write larger numbers of a resume into the configuration, with those from before."""
    stored, seeds = directory.configuration(), seeds_of(directory, settings).confirmation
    compared = any(t.seed in seeds for t in Ledger(directory.ledger_file).of("confirmation"))
    now = extended(stored, settings, compared=compared)
    if now != stored:
        directory.reconfigure(now)


def seeds_of(directory: RunDirectory, settings: Settings) -> Seeds:
    """Return the seeds of a run, of the confirmation those of its present question."""
    return seeds_for(settings, directory.questions()[-1].begins)


def hours_spent(directory: RunDirectory, workers: int) -> float:
    """Return the hours that a run has taken, as its trainings say."""
    return spent(Ledger(directory.ledger_file), workers) / 3600


def is_unfinished(report: Report, directory: RunDirectory, settings: Settings) -> bool:
    """Tell whether a run that has a report was asked for more, or lacks trainings.

    A training of the confirmation that raised and was not repeated is lacking: a resume does it again.
    """
    ledger, seeds = Ledger(directory.ledger_file), seeds_of(directory, settings).confirmation
    of_question = [training for training in ledger.of("confirmation") if training.seed in seeds]
    return (
        report.verdict is None
        or report.confirmation is None
        or (report.budget, report.questions) != (settings.planned_budget, len(directory.questions()))
        or report.confirmation.cut
        or (report.confirmation.most or 0) < len(seeds)
        or any(ledger.find(training) is None for training in of_question)
    )


def further(directory: RunDirectory, settings: Settings, counts: Counts) -> int:
    """Return the trainings of earlier questions, at most: of their finalists, and of the confirmation."""
    before, seeds = len(directory.questions()) - 1, seeds_of(directory, settings).confirmation
    compared = sum(t.seed not in seeds for t in Ledger(directory.ledger_file).of("confirmation"))
    return compared + before * counts.selected_from * settings.selection_seeds


def going_on(search: Search, done: int, total: int) -> str:
    """Return what a resumed run has done, what is left at most, and what of it fits into its time.

    Args:
        search: The search.
        done: Trainings that are done.
        total: All of them, at most.
    """
    left, limit = max(total - done, 0), search.limit
    seconds = left * limit.seconds / search.trainings.workers
    takes = f", about {duration(seconds)}" if seconds else ""
    fits = f"; {limit.room:.0f} fit into the {duration(limit.left)} left" if limit.room < left else ""
    return f"Resuming {search.directory.path}: {done} trainings are done, up to {left} are left{takes}{fits}"
