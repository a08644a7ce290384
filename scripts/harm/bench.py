"""Bench: searches to be harmed, what they give undisturbed, and the same command until one has ended."""

import os
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from autoact.records import Ledger
from scripts.harm.commands import ALONE, Around, Command, Ended, left
from scripts.harm.invariants import Values, comparable, faults, report
from scripts.harm.traps import events, marked

BUDGET, SEEDS = 5, 2
PHASES = ("probe", "one-shot", "trial", "baseline", "selection", "confirmation", "report")
CASES: dict[str, dict[str, Any]] = {  # settings of searches
    "plain": {"stack": "off"},
    "stacks": {"stack": 4},
    "two workers": {"stack": "off", "workers": 2},
    "eight workers": {"stack": "off", "workers": 8, "budget": 12},
}
_MOST = 40  # commands until a search has ended


@dataclass
class Tally:
    """What came of a kind of harm.

    Attributes:
        times: How often it was done.
        faults: What did not hold.
        at: How often by phase, or by another distinction.
        skipped: Why it was not done; "": it was.
    """

    times: int = 0
    faults: list[str] = field(default_factory=list)
    at: Counter[str] = field(default_factory=Counter)
    skipped: str = ""

    def add(self, where: str) -> None:
        """Count a harm."""
        self.times += 1
        self.at[where] += 1


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """What a search gives that nothing harms.

    Attributes:
        report: The comparable part of its report.
        events: What can be trapped in it: trainings by then, and the event.
        phases: Phase of each training of the ledger.
        fits: Trainings that began, those of the probe included.
        run: Its directory.
    """

    report: dict[str, Any]
    events: list[tuple[int, str]]
    phases: list[str]
    fits: int
    run: Path

    def phase(self, lines: int) -> str:
        """Return the phase in which so many trainings are in the ledger."""
        return "probe" if lines == 0 else self.phases[lines] if lines < len(self.phases) else "report"


@dataclass
class Bench:
    """Where searches are harmed.

    Attributes:
        folder: Of everything.
        draw: Decides where.
        short: Whether little is done.
    """

    folder: Path
    draw: random.Random
    short: bool
    values: dict[bool, Values] = field(default_factory=lambda: {True: {}, False: {}})
    _undisturbed: dict[str, Undisturbed] = field(default_factory=dict)

    def undisturbed(self, case: str = "plain") -> Undisturbed:
        """Return what a search gives, done once."""
        if case not in self._undisturbed:
            trial = Trial(self, case, self.folder / f"undisturbed-{case.replace(' ', '-')}")
            ended = trial.go_on()
            if ended.status:
                raise RuntimeError(f"The undisturbed search ended with {ended.status}: {ended.errors}")
            self._undisturbed[case] = Undisturbed(
                comparable(report(trial.run)), events(trial.folder), _phases(trial.run), trial.fits, trial.run
            )
            if found := [*trial.faults(None)]:
                raise RuntimeError(f"The undisturbed search is not sound: {found}")
        return self._undisturbed[case]

    @contextmanager
    def trial(self, case: str = "plain", **settings: Any) -> Iterator["Trial"]:
        """Give a search that has not begun, in a folder that is removed."""
        with TemporaryDirectory(dir=self.folder) as folder:
            made = Trial(self, case, Path(folder), settings)
            try:
                yield made
            finally:
                for command in made.commands:  # one waits in its trap where this row has failed
                    command.kill()

    def moment(self, case: str, phase: str | None = None) -> tuple[int, str]:
        """Return the number of an event, from 1, and its phase; None: of any."""
        known = self.undisturbed(case)
        found = [n for n, (lines, _) in enumerate(known.events, 1) if phase in (None, known.phase(lines))]
        number = self.draw.choice(found)
        return number, known.phase(known.events[number - 1][0])


class Trial:
    """A search that is harmed, and goes on by the same command.

    Args:
        bench: Where.
        case: Of `CASES`.
        folder: Gets `runs/run` and what commands print.
        settings: Settings of the search, in place of those of the case.
    """

    def __init__(
        self, bench: Bench, case: str, folder: Path, settings: Mapping[str, Any] | None = None
    ) -> None:
        self.bench, self.case, self.folder, self.run = bench, case, folder, folder / "runs" / "run"
        self.given = {**CASES[case], **(settings or {})}
        self.commands: list[Command] = []
        (folder / "temporary").mkdir(parents=True)
        (folder / "runs").mkdir()
        (folder / "search.yaml").write_text(yaml.safe_dump(_configuration(self.given)))
        (folder / "fits").touch()

    @property
    def budget(self) -> int:
        """Full trainings of the search."""
        return int(self.given.get("budget", BUDGET))

    @property
    def fits(self) -> int:
        """Trainings that began."""
        return (self.folder / "fits").read_text().count("\n")

    @property
    def done(self) -> int:
        """Trainings that are in the ledger."""
        file = self.run / "trainings.jsonl"
        return file.read_bytes().count(b"\n") if file.is_file() else 0

    def has(self, count: int) -> bool:
        """Tell whether so many trainings are in the ledger."""
        return self.done >= count

    def workers(self) -> Iterator[int]:
        """Give the processes that train, without the shells that end them when the search is gone."""
        for process in marked(self.folder):
            with suppress(OSError):  # it has ended
                if b"serve(orders, answers)" in Path(f"/proc/{process}/cmdline").read_bytes():
                    yield process

    @property
    def begin(self) -> list[str]:
        """The command that begins the search."""
        return ["search", "--config", str(self.folder / "search.yaml"), "--out", str(self.run)]

    @property
    def command(self) -> list[str]:
        """The command that begins the search, or goes on with it."""
        return ["search", "--resume", str(self.run)] if self.run.exists() else self.begin

    def beside(self, arguments: Sequence[str], around: Around = ALONE) -> Ended:
        """Run a command beside one that runs, in a folder of its own; return how it ended."""
        with TemporaryDirectory(dir=self.bench.folder) as folder:
            (Path(folder) / "temporary").mkdir()
            return Command(arguments, Path(folder), around).end()

    def start(self, around: Around = ALONE, *more: str) -> Command:
        """Begin or go on with the search."""
        self.commands.append(Command([*self.command, *more], self.folder, around))
        return self.commands[-1]

    def go_on(self, around: Around = ALONE, *more: str) -> Ended:
        """Begin or go on with the search, and wait until the command has ended."""
        return self.start(around, *more).end()

    def until_done(self) -> Iterator[str]:
        """Give the same command until the search has ended; give what went wrong."""
        for _ in range(_MOST):
            ended = self.go_on()
            if ended.status == 0:
                return
            yield f"the same command ended with {ended.status}: {ended.errors[-300:]}"
            return

    def faults(self, expected: dict[str, Any] | None, failures: bool = False) -> Iterator[str]:
        """Give what does not hold of the search that has ended."""
        if processes := left(self.folder):
            yield f"processes {processes} are left"
        stacked = self.given["stack"] != "off"
        yield from faults(
            self.run,
            budget=self.budget,
            expected=expected,
            values=self.bench.values[stacked],
            failures=failures,
        )

    def finished(self, failures: bool = False, *, same: bool = True) -> Iterator[str]:
        """Go on until the search has ended, and give all that does not hold.

        Args:
            failures: Whether trainings may have failed.
            same: Whether the report is that of an undisturbed search.
        """
        yield from self.until_done()
        yield from self.faults(self.bench.undisturbed(self.case).report if same else None, failures)


def _configuration(settings: Mapping[str, Any]) -> dict[str, Any]:
    looks = {"budget": BUDGET, "seeds": SEEDS, "looks": [SEEDS], "selection_seeds": 1}
    return {
        "model": {"class_path": "scripts.harm.models.Curve"},
        "data": {"class_path": "scripts.harm.models.Points"},
        "trainer": {"max_epochs": 1, "accelerator": "cpu"},
        "space": {"name": "curve", "candidates": ["relu", "tanh", "elu"]},
        "search": {"monitor": "val_loss", "mode": "min", **looks, **settings},
    }


def _phases(run: Path) -> list[str]:
    """Return the phase of each training; the selection is what comes of baselines after the trials."""
    trainings = Ledger(run / "trainings.jsonl").trainings
    raced = {t.seed for t in trainings if t.phase in ("trial", "one-shot")}
    return ["selection" if t.phase == "baseline" and t.seed not in raced else t.phase for t in trainings]


def environment() -> None:
    """Set what all processes of all searches have in common."""
    os.environ.update(OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="")
