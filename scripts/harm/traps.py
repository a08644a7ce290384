"""Traps: what happens to a process of a search at its n-th training step or change of a file of its run.

Python tells an audit hook of each before it is done, so that any of them can be the last, and none of the
package's own functions is replaced.
"""

import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

STEP = "scripts.harm.step"  # an audit event
FITS = "AUTOACT_FITS"  # file with a line per training that began
MARK = "AUTOACT_HARMED"  # folder of the search that a process belongs to
_TRAP = "AUTOACT_TRAP"
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")
_RECORD = 64  # bytes of an event in the trace
_AGAIN = 0.2  # seconds until the second Ctrl-C

How = Literal[
    "none",
    "kill",
    "kill all",
    "torn",
    "interrupt",
    "interrupt twice",
    "terminate",
    "hang up",
    "hang",
    "crash",
    "exit",
    "wait",
]


@dataclass(frozen=True, slots=True)
class Trap:
    """Trap of a search.

    Attributes:
        how: What happens; "wait" until a file `go` is there.
        at: At which event, from 1.
        on: Which events count: "step", "ledger" (opened to be added to), or any, other files too.
        worker: Whether it is set in the workers, which count together, instead of the parent.
        length: Bytes of a line that is torn.
    """

    how: How = "none"
    at: int = 0
    on: Literal["any", "step", "ledger"] = "any"
    worker: bool = False
    length: int = 0


NO_TRAP = Trap()


def arm(trap: Trap, folder: Path) -> None:
    """Set a trap in this process, or in the workers that it will start.

    Args:
        trap: The trap.
        folder: Has the folder `runs` that is watched; gets `trace`.
    """
    if trap.worker:
        os.environ[_TRAP] = json.dumps(asdict(trap))
        return
    runs, ledger = str(folder / "runs"), folder / "runs" / "run" / "trainings.jsonl"
    trace = os.open(folder / "trace", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        what = _what(event, arguments, runs)
        if what is None or trap.on not in ("any", what.split()[0]):
            return
        os.write(trace, f"{_lines(ledger):4} {what[:50]}".ljust(_RECORD - 1).encode() + b"\n")
        if os.lseek(trace, 0, os.SEEK_CUR) // _RECORD == trap.at:  # the end of what was just appended
            _happens(trap, folder, ledger)

    sys.addaudithook(hook)


def arm_worker() -> None:
    """Set the trap that the parent's environment asks for."""
    if _TRAP in os.environ:
        found = json.loads(os.environ[_TRAP])
        arm(Trap(**{**found, "worker": False}), Path(os.environ[MARK]))


def events(folder: Path) -> list[tuple[int, str]]:
    """Return what happened: trainings in the ledger by then, and the event.

    Args:
        folder: Has `trace`.
    """
    lines = (folder / "trace").read_text().splitlines() if (folder / "trace").exists() else []
    return [(int(line[:4]), line[5:].rstrip()) for line in lines]


def marked(folder: Path) -> Iterator[int]:
    """Give the processes that were started by a search.

    Args:
        folder: Of the search.
    """
    mark = f"{MARK}={folder}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (process / "environ").read_bytes().split(b"\0") and _runs(process):
                yield int(process.name)


def _runs(process: Path) -> bool:
    return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"


def _what(event: str, arguments: tuple[Any, ...], runs: str) -> str | None:
    if event == STEP:
        return "step"
    path = arguments[0] if event == "open" or event in _CHANGES else None
    if not isinstance(path, str | os.PathLike) or not os.fspath(path).startswith(runs):
        return None
    if event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR):
        return None
    name = os.path.relpath(path, runs)
    # by os.open: it is opened by a function that follows no links
    added = (
        event == "open"
        and name.endswith("trainings.jsonl")
        and arguments[1] is None
        and arguments[2] & os.O_APPEND
    )
    return f"ledger {name}" if added else f"{event} {name}"


def _lines(ledger: Path) -> int:
    try:
        return ledger.read_bytes().count(b"\n")
    except OSError:
        return 0


def _happens(trap: Trap, folder: Path, ledger: Path) -> None:
    signals = {
        "kill": signal.SIGKILL,
        "interrupt": signal.SIGINT,
        "interrupt twice": signal.SIGINT,
        "terminate": signal.SIGTERM,
        "hang up": signal.SIGHUP,
        "crash": signal.SIGSEGV,
    }
    actions: dict[str, Callable[[], object]] = {
        "kill all": lambda: _kill_all(folder),
        "torn": lambda: _tear(ledger, trap.length),
        "hang": lambda: time.sleep(1e6),
        "exit": lambda: os._exit(3),
        "wait": lambda: _wait(folder),
    }
    if trap.how == "interrupt twice":
        threading.Timer(_AGAIN, os.kill, (os.getpid(), signal.SIGINT)).start()
    if trap.how in signals:
        os.kill(os.getpid(), signals[trap.how])
    elif trap.how in actions:
        actions[trap.how]()


def _kill_all(folder: Path) -> None:
    for process in marked(folder):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def _tear(ledger: Path, length: int) -> None:
    """Let the system end this process when the ledger has grown by so many bytes."""
    most = (ledger.stat().st_size if ledger.exists() else 0) + length
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)


def _wait(folder: Path) -> None:
    (folder / "reached").touch()
    while not (folder / "go").exists():
        time.sleep(0.02)
