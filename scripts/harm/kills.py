"""Kills: kill -9 of a search, of its workers, of all of them, at any moment; each time it goes on."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from scripts.harm.bench import PHASES, Bench, Tally, Trial
from scripts.harm.commands import Around, Command
from scripts.harm.traps import Trap

_FEW = ("probe", "trial", "report")
_PROBES = 5  # trainings before a run has a directory


def killed_anywhere(bench: Bench) -> Tally:
    """Kill a search at a change of a file or at a training step, in every phase, three times in a row."""
    return _killed(bench, "plain", _FEW if bench.short else PHASES * 2, 1 if bench.short else 3)


def killed_in_stacks(bench: Bench) -> Tally:
    """Kill a search that trains in stacks."""
    return _killed(bench, "stacks", ["trial"] if bench.short else [*PHASES[1:], "trial", "confirmation"], 1)


def killed_in_report(bench: Bench) -> Tally:
    """Kill a search while it writes its report."""
    return _killed(bench, "plain", ["report"] * (1 if bench.short else 4), 1)


def killed_before_a_line(bench: Bench) -> Tally:
    """Kill a search when a training has ended and its line is about to be written."""
    return _at_lines(bench, lambda draw: {"how": "kill"})


def killed_in_a_line(bench: Bench) -> Tally:
    """Let the system end a search in the middle of a line of its ledger."""
    return _at_lines(bench, lambda draw: {"how": "torn", "length": draw.randrange(1, 400)})


def _killed(bench: Bench, case: str, phases: Any, in_a_row: int) -> Tally:
    tally, known = Tally(), bench.undisturbed(case)
    for phase in phases:
        with bench.trial(case) as trial:
            at, wasted = bench.moment(case, phase)[0], 0
            for _ in range(in_a_row):
                before, began = trial.fits, trial.run.exists()
                ended = trial.go_on(Around(trap=Trap("kill", at)))
                if ended.status == 0:  # fewer events than before
                    break
                if ended.status != -signal.SIGKILL:
                    tally.faults.append(f"killed, it ended with {ended.status}: {ended.errors[-200:]}")
                tally.add(known.phase(trial.done))
                wasted += 1 if began or trial.run.exists() else min(trial.fits - before, _PROBES)
                at = bench.draw.randrange(1, max(len(known.events) // 2, 2))
            tally.faults += trial.finished()
            if case == "plain" and trial.fits > known.fits + wasted:
                tally.faults.append(
                    f"{trial.fits} trainings began, {known.fits} and {wasted} that were killed"
                )
    return tally


def _at_lines(bench: Bench, harm: Any) -> Tally:
    tally, known = Tally(), bench.undisturbed()
    count = len(known.phases)
    for _ in range(1 if bench.short else 5):
        with bench.trial() as trial:
            at = bench.draw.randrange(1, count + 1)
            ended = trial.go_on(Around(trap=Trap(on="ledger", at=at, **harm(bench.draw))))
            if ended.status not in (-signal.SIGKILL, -signal.SIGXFSZ):
                tally.faults.append(f"killed, it ended with {ended.status}: {ended.errors[-200:]}")
            if trial.done != at - 1:
                tally.faults.append(f"{trial.done} lines are in the ledger, {at - 1} expected")
            tally.add(known.phase(trial.done))
            tally.faults += trial.finished()
    return tally


def killed_workers(bench: Bench) -> Tally:
    """Kill a worker in a training; the search goes on, the training is a failure that has its reason."""
    return _workers(bench, "two workers", "kill", "killed (SIGKILL)", 1 if bench.short else 4)


def crashed_workers(bench: Bench) -> Tally:
    """Let a training end its process: a crash, an exit."""
    tally = _workers(bench, "two workers", "crash", "crashed (SIGSEGV)", 2)
    other = _workers(bench, "two workers", "exit", "exit status 3", 1)
    return Tally(tally.times + other.times, tally.faults + other.faults, tally.at + other.at)


def _workers(bench: Bench, case: str, how: Any, reason: str, times: int) -> Tally:
    tally = Tally()
    for _ in range(times):
        with bench.trial(case) as trial:
            at = bench.draw.randrange(1, 40)  # of three steps in each of 16 trainings
            ended = trial.go_on(Around(trap=Trap(how, at, "step", worker=True)))
            if ended.status:
                tally.faults.append(f"the search ended with {ended.status}: {ended.errors[-300:]}")
            if reason not in (trial.run / "trainings.jsonl").read_text():
                tally.faults.append(f"no line of the ledger says that a process {reason}")
            tally.add(f"step {at}")
            tally.faults += trial.finished(failures=True, same=False)
    return tally


def killed_all(bench: Bench) -> Tally:
    """Kill a search with its workers, at once, or the search alone, whose workers then end by themselves."""
    tally = Tally()
    for number in range(2 if bench.short else 6):
        with bench.trial("two workers") as trial:
            how: Any = ("kill all", "kill")[number % 2]
            trial.go_on(Around(trap=Trap(how, bench.draw.randrange(1, 12), "ledger")))
            tally.add(how)
            tally.faults += trial.finished(same=False)
    return tally


def killed_at_random(bench: Bench) -> Tally:
    """Kill any of eight workers and the search itself at random moments."""
    tally = Tally()
    with bench.trial("eight workers") as trial:
        while tally.times < 12:
            command = trial.start()
            tally.faults += _harass(command, trial, bench, tally)
            if command.end().status == 0:
                break
        tally.faults += trial.finished(failures=True, same=False)
    return tally


def _harass(command: Command, trial: Trial, bench: Bench, tally: Tally) -> Iterator[str]:
    """Kill a worker whenever two more trainings are done; after three of them the search."""
    for number in range(4):
        if not command.wait(partial(trial.has, trial.done + 2)):
            return
        workers = [*trial.workers()]
        if number == 3:
            command.kill()
            tally.add("search")
        elif workers:
            with suppress(ProcessLookupError):
                os.kill(bench.draw.choice(workers), signal.SIGKILL)
                tally.add("worker")
    yield from ()
