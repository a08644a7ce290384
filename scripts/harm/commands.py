"""Commands that are harmed: `autoact ...` in a process of its own, forked from one that has imported all."""

import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from autoact.cli import main
from scripts.harm.traps import FITS, MARK, NO_TRAP, Trap, arm, marked

_PATIENCE = 600.0  # seconds for a command that takes 5, on a machine that does much else
_ORPHANS = 30.0  # seconds that a worker may outlive its parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What is around a command.

    Attributes:
        trap: What happens to it.
        largest: Bytes of a file, at most: a disk that is full.
        user: Number of the user; None: this one.
        variables: Environment variables.
    """

    trap: Trap = NO_TRAP
    largest: int | None = None
    user: int | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


ALONE = Around()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended.

    Attributes:
        status: Exit status; of one that a signal has ended, its number below zero.
        said: What it printed.
        errors: What it printed to standard error.
    """

    status: int
    said: str
    errors: str

    @property
    def in_one_line(self) -> bool:
        """Whether it was refused in one line, without a traceback."""
        ours = [line for line in self.errors.splitlines() if line.startswith("autoact: ")]
        return self.status in (1, 2) and len(ours) == 1 and "Traceback" not in self.errors


class Command:
    """A command that runs.

    Args:
        arguments: What follows `autoact`.
        folder: Where it runs; gets what it prints, and temporary files.
        around: What is around it.
    """

    def __init__(self, arguments: Sequence[str], folder: Path, around: Around = ALONE) -> None:
        self.folder = folder
        for name in ("trace", "reached", "go"):
            (folder / name).unlink(missing_ok=True)
        sys.stdout.flush()
        self.process = os.fork()
        if self.process == 0:
            _become(arguments, folder, around)
        self._status: int | None = None

    def running(self) -> bool:
        """Tell whether it has not ended."""
        if self._status is None:
            found, status = os.waitpid(self.process, os.WNOHANG)
            self._status = os.waitstatus_to_exitcode(status) if found else None
        return self._status is None

    def wait(self, until: Callable[[], bool] = lambda: False) -> bool:
        """Wait until it has ended, or something else has happened, which is returned.

        Raises:
            TimeoutError: Neither did; it is killed.
        """
        limit = time.monotonic() + _PATIENCE
        while self.running():
            if until():
                return True
            if time.monotonic() > limit:
                self.kill()
                raise TimeoutError(f"it did not end in {_PATIENCE:.0f} s\n{self._text('errors')[-500:]}")
            time.sleep(0.02)
        return False

    def kill(self) -> None:
        """End it, if it runs, and what it has started."""
        own = [self.process] if self.running() else []
        for process in (*own, *marked(self.folder)):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        while self.running():
            time.sleep(0.01)

    def reached(self) -> bool:
        """Wait until it waits in its trap; tell whether it does."""
        return self.wait(lambda: (self.folder / "reached").exists())

    def go(self) -> None:
        """Let it go on."""
        (self.folder / "go").touch()

    def end(self) -> Ended:
        """Wait until it has ended, and return how."""
        self.wait()
        assert self._status is not None
        return Ended(self._status, self._text("said"), self._text("errors"))

    def _text(self, name: str) -> str:
        return (self.folder / f"{name}-{self.process}").read_text(errors="replace")


def left(folder: Path) -> list[int]:
    """Return the processes of a search that its end has left, if they do not end soon."""
    limit = time.monotonic() + _ORPHANS
    while (found := list(marked(folder))) and time.monotonic() < limit:
        time.sleep(0.1)
    return found


def _become(arguments: Sequence[str], folder: Path, around: Around) -> NoReturn:
    status = 1
    try:
        os.setsid()
        _redirect(folder)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.update({MARK: str(folder), FITS: str(folder / "fits"), **around.variables})
        if around.user is not None and os.geteuid() == 0:
            folder.chmod(0o777)
            (folder / "temporary").chmod(0o777)
            os.setgroups([])
            os.setgid(around.user)
            os.setuid(around.user)
        if around.largest is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (around.largest, around.largest))
        arm(around.trap, folder)
        status = main(arguments)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:  # as an interpreter does
        traceback.print_exc()
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _redirect(folder: Path) -> None:
    os.chdir(folder)
    for number, name in ((0, None), (1, "said"), (2, "errors")):
        file = os.devnull if name is None else f"{name}-{os.getpid()}"
        os.dup2(os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666), number)
    os.environ["TMPDIR"] = str(folder / "temporary")
    tempfile.tempdir = None
