"""Disks: full or read-only; a run that is moved away, a study that is locked; files that are damaged."""

import os
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from scripts.harm.bench import Bench, Tally, Trial
from scripts.harm.commands import Around
from scripts.harm.traps import Trap

_KILOBYTES = (20, 60, 120, 250, 350, 450)  # of the disk; a run takes 500
_NOBODY = 65534
DAMAGES = ("cut short", "changed", "a digit", "lost", "a folder")


def filled(bench: Bench) -> Tally:
    """A disk that is full: a line says so, and with room again the same command goes on."""
    tally = Tally()
    for size in _KILOBYTES[2:3] if bench.short else _KILOBYTES:
        with bench.trial() as trial, _small(trial, size) as (around, room):
            ended = trial.go_on(around)
            tally.add(f"{size} KB")
            if ended.status and not ended.in_one_line:
                tally.faults.append(f"{size} KB: it ended with {ended.status}: {ended.errors[-300:]!r}")
            room()
            tally.faults += [f"{size} KB: {fault}" for fault in trial.finished()]
    return tally


@contextmanager
def _small(trial: Trial, size: int) -> Iterator[tuple[Around, Callable[[], object]]]:
    """Give what is around a search on a small disk, and what makes it large; else no file may be large."""
    runs = str(trial.folder / "runs")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "none", runs]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        yield Around(largest=size * 1024), lambda: None
        return
    try:
        yield Around(), lambda: subprocess.run(["mount", "-o", "remount,size=64m", runs], check=True)
    finally:
        subprocess.run(["umount", "-l", runs], check=True)


def read_only(bench: Bench) -> Tally:
    """A directory that may not be written to: a line says so, nothing changes; what only reads works."""
    tally = Tally()
    for phase in ("confirmation",) if bench.short else ("trial", "confirmation", "end"):
        with bench.trial() as trial:
            at = 0 if phase == "end" else bench.moment("plain", phase)[0]
            trial.go_on(Around(trap=Trap("kill", at)))
            before = contents(trial.run)
            with _locked(trial.run):
                ended = trial.go_on(Around(user=_NOBODY))
                told = trial.beside(["report", str(trial.run)], Around(user=_NOBODY))
            tally.add(phase)
            if not ended.in_one_line:
                tally.faults.append(f"it ended with {ended.status}: {ended.errors[-300:]!r}")
            if "Traceback" in told.errors or (phase == "end" and "Verdict" not in told.said):
                tally.faults.append(f"report ended with {told.status}: {told.errors[-300:]!r}")
            if contents(trial.run) != before:
                tally.faults.append("files have changed")
            tally.faults += trial.finished()
    return tally


@contextmanager
def _locked(run: Path) -> Iterator[None]:
    """Take away everybody's right to write, and open all folders above to those who read."""
    folders = [folder for folder in run.parents if folder.stat().st_uid == os.geteuid()]
    modes = {file: file.stat().st_mode for file in (run, *run.rglob("*"), *folders)}
    for file, mode in modes.items():
        file.chmod(mode | 0o055 if file in folders else mode & ~0o222)
    try:
        yield
    finally:
        for file, mode in modes.items():
            file.chmod(mode)


def moved(bench: Bench) -> Tally:
    """A directory that is moved away while the search runs: a line says so, nothing is begun in its place."""
    tally = Tally()
    for phase in ("trial",) if bench.short else ("trial", "confirmation", "report"):
        with bench.trial() as trial:
            command = trial.start(Around(trap=Trap("wait", bench.moment("plain", phase)[0])))
            if command.reached():
                trial.run.rename(trial.folder / "elsewhere")
                command.go()
            tally.add(phase)
            if not (ended := command.end()).in_one_line:
                tally.faults.append(f"it ended with {ended.status}: {ended.errors[-300:]!r}")
            if (trial.run / "trainings.jsonl").exists():
                tally.faults.append("a ledger was begun without the trainings of the first one")
            shutil.rmtree(trial.run, ignore_errors=True)  # logs make their folders
            (trial.folder / "elsewhere").rename(trial.run)
            tally.faults += trial.finished()
    return tally


def locked(bench: Bench) -> Tally:
    """A study that another program locks: the search goes on, and the study has all trials in the end."""
    tally = Tally()
    for phase in ("trial",) if bench.short else ("trial", "confirmation"):
        with bench.trial() as trial:
            command = trial.start(Around(trap=Trap("wait", bench.moment("plain", phase)[0])))
            if command.reached():
                with closing(sqlite3.connect(trial.run / "study.db", isolation_level=None)) as other:
                    other.execute("BEGIN EXCLUSIVE")
                    command.go()
                    command.wait(partial(trial.has, trial.done + 2))
            tally.add(phase)
            if (ended := command.end()).status:
                tally.faults.append(f"it ended with {ended.status}: {ended.errors[-300:]!r}")
            tally.faults += trial.finished()
    return tally


def damaged(bench: Bench) -> Tally:
    """Files of a run that are damaged: each is named in a line, or written again; nothing else is harmed."""
    tally = Tally()
    for phase in ("end",) if bench.short else ("trial", "confirmation", "end"):
        with bench.trial() as trial:
            at = 0 if phase == "end" else bench.moment("plain", phase)[0]
            trial.go_on(Around(trap=Trap("kill", at)))
            whole = trial.folder / "whole"
            shutil.copytree(trial.run, whole)
            names = [file.relative_to(whole) for file in whole.rglob("*") if file.is_file()]
            files = sorted(filter(_is_first, names))
            for file in bench.draw.sample(files, 3) if bench.short else files:
                for how in DAMAGES if phase == "end" and not bench.short else (bench.draw.choice(DAMAGES),):
                    shutil.rmtree(trial.run)
                    shutil.copytree(whole, trial.run)
                    _damage(trial.run / file, how, bench.draw)
                    tally.add(how)
                    tally.faults += [f"{phase}, {file} {how}: {fault}" for fault in _after(trial, file, how)]
    return tally


def _is_first(name: Path) -> bool:
    """Tell whether a file is not like another one: of the trials, the first stands for all."""
    return not name.parent.name.startswith("trial-") or name.parent.name == "trial-0000"


def _after(trial: Trial, file: Path, how: str) -> Iterator[str]:
    """Give what is wrong with a search that goes on with a damaged file."""
    before = contents(trial.run)
    told = trial.beside(["report", str(trial.run)])
    if "Traceback" in told.errors:
        yield f"report shows a traceback: {told.errors[-200:]!r}"
    ended = trial.go_on()
    if ended.status == 0 and how == "a folder" and file.name in ended.errors:
        return  # it is named, and not removed: nobody knows whose it is
    if ended.status == 0:
        same = file.name != "config.yaml"  # which people may change
        yield from trial.finished(same=same)
        return
    if not ended.in_one_line:
        yield f"it ended with {ended.status}: {ended.errors[-300:]!r}"
    elif file.name not in ended.errors:
        yield f"it does not name the file: {ended.errors[-300:]!r}"
    if how == "a folder" and file.name in _LAST:  # all is done but what is written last
        shutil.rmtree(trial.run / file)
        yield from trial.finished()
        return
    changed = [name for name, content in contents(trial.run).items() if before.get(name) != content]
    if changed := [name for name in changed if name not in _WRITTEN_AGAIN]:
        yield f"it was refused, and {', '.join(changed)} changed"


_LAST = ("report.html", "leaderboard.csv")
_WRITTEN_AGAIN = (*_LAST, ".lock")


def contents(folder: Path) -> dict[str, bytes | None]:
    """Return the content of all files by name, None of folders."""
    return {
        str(file.relative_to(folder)): file.read_bytes() if file.is_file() else None
        for file in folder.rglob("*")
    }


def _damage(file: Path, how: str, draw: random.Random) -> None:
    content = bytearray(file.read_bytes())
    if how == "cut short":
        file.write_bytes(content[: draw.randrange(len(content) or 1)])
    elif how == "changed":
        for _ in range(3 if content else 0):
            content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        file.write_bytes(content)
    elif how == "a digit":
        digits = [place for place, letter in enumerate(content) if chr(letter).isdecimal()]
        for place in draw.sample(digits, 1) if digits else ():
            content[place] = ord(str((int(chr(content[place])) + draw.randrange(1, 10)) % 10))
        file.write_bytes(content)
    else:
        file.unlink()
        if how == "a folder":
            file.mkdir()
            (file / "inside").write_text("of another program")
