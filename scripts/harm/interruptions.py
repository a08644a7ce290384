"""Interruptions: signals and hangs; a search says how to go on, and does."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from scripts.harm.bench import Bench, Tally, Trial
from scripts.harm.commands import Around, Ended, left
from scripts.harm.traps import How, Trap, marked

_SECONDS = 4  # of a training that hangs


def interrupted(bench: Bench) -> Tally:
    """Ctrl-C at any moment."""
    return _signaled(bench, "interrupt", 1 if bench.short else 6)


def interrupted_twice(bench: Bench) -> Tally:
    """Ctrl-C, and another one while that ends the search."""
    return _signaled(bench, "interrupt twice", 1 if bench.short else 4)


def terminated(bench: Bench) -> Tally:
    """SIGTERM, as a scheduler sends it."""
    return _signaled(bench, "terminate", 1 if bench.short else 4)


def hung_up(bench: Bench) -> Tally:
    """SIGHUP, as a terminal sends it that is closed."""
    return _signaled(bench, "hang up", 1 if bench.short else 4)


def _signaled(bench: Bench, how: How, times: int) -> Tally:
    tally = Tally()
    for number in range(times):
        case = "two workers" if number == 2 else "plain"
        with bench.trial(case) as trial:
            at, phase = bench.moment(case)
            ended = trial.go_on(Around(trap=Trap(how, at)))
            tally.add(phase)
            tally.faults += _said(ended, trial)
            if not trial.run.exists():
                continue
            tally.faults += trial.finished(same=case == "plain")
    return tally


def _said(ended: Ended, trial: Trial) -> list[str]:
    """Return what is wrong with the end of a search that was interrupted, or had ended already."""
    found = []
    if ended.status == 0 and not (trial.run / "report.json").exists():
        found.append("it ended with 0, and has not ended")
    if ended.status < 0:
        found.append(f"signal {-ended.status} ended it without a word")
    if ended.status and trial.run.exists() and "--resume" not in ended.errors:
        found.append(f"it does not say how to go on: {ended.errors[-200:]!r}")
    if "Traceback" in ended.errors:
        found.append(f"it shows a traceback: {ended.errors[-200:]!r}")
    return found


def stopped(bench: Bench) -> Tally:
    """SIGSTOP for a while, then SIGCONT: of a search, of one with its workers, of the workers alone."""
    tally = Tally()
    for number in range(1 if bench.short else 5):
        case = "two workers" if number > 2 else "plain"
        with bench.trial(case) as trial:
            at, phase = bench.moment(case, "trial" if number > 2 else None)
            command = trial.start(Around(trap=Trap("wait", at)))
            if command.reached():
                alone = [] if number == 4 else [command.process]
                _stop([*alone, *marked(trial.folder)], command.go)
            tally.add(phase)
            if (ended := command.end()).status:
                tally.faults.append(f"it ended with {ended.status}: {ended.errors[-200:]}")
            tally.faults += trial.finished(same=case == "plain")
    return tally


def _stop(processes: Sequence[int], meanwhile: Callable[[], object]) -> None:
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, number)
        if number == signal.SIGSTOP:
            meanwhile()
            time.sleep(1.0)


def hung(bench: Bench) -> Tally:
    """A training that never ends: after its time limit it is a failure, with or without workers."""
    tally = Tally()
    for case in ("plain",) if bench.short else ("plain", "two workers"):
        limit: dict[str, Any] = {"training_timeout": _SECONDS}
        with bench.trial(case, **limit) as trial:
            at = bench.draw.randrange(20, 40)  # a step of a trial or a baseline
            ended = trial.go_on(Around(trap=Trap("hang", at, "step", worker=case != "plain")))
            tally.add(case)
            if ended.status:
                tally.faults.append(f"the search ended with {ended.status}: {ended.errors[-300:]}")
                continue
            tally.faults += trial.finished(failures=True, same=False)
    return tally


def searched_twice(bench: Bench) -> Tally:
    """Two searches on one directory: one is told so, the other one is not disturbed."""
    tally = Tally()
    for number in range(1 if bench.short else 3):
        with bench.trial() as trial:
            phase = ("trial", "confirmation", "report")[number]
            command = trial.start(Around(trap=Trap("wait", bench.moment("plain", phase)[0])))
            if command.reached():
                before = sorted(trial.run.rglob("*"))
                other = trial.beside(["search", "--resume", str(trial.run)])
                fresh = trial.beside(trial.begin)
                if not other.in_one_line or "in use" not in other.errors:
                    tally.faults.append(f"the other ended with {other.status}: {other.errors[-200:]!r}")
                if not fresh.in_one_line or "exists already" not in fresh.errors:
                    tally.faults.append(f"a new one ended with {fresh.status}: {fresh.errors[-200:]!r}")
                if sorted(trial.run.rglob("*")) != before:
                    tally.faults.append("the other changed files")
                command.go()
            tally.add(phase)
            if (ended := command.end()).status:
                tally.faults.append(f"it ended with {ended.status}: {ended.errors[-200:]}")
            tally.faults += trial.finished()
    with bench.trial() as trial:
        commands = [trial.start(), trial.start(), trial.start()]
        endings = [command.end() for command in commands]
        tally.add("begun at once")
        refused = [ended for ended in endings if ended.status]
        if len(refused) != 2 or not all(ended.in_one_line for ended in refused):
            tally.faults.append(f"three begun at once ended with {[ended.status for ended in endings]}")
        if processes := left(trial.folder):
            tally.faults.append(f"processes {processes} are left")
        tally.faults += trial.finished()
    return tally
