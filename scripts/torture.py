"""Torture: searches are killed, interrupted and deprived of files; what they promise holds after each.

    python scripts/torture.py [--short] [--seed N] [--only ROW ...] [--json FILE]

No finished training is lost, none is done twice, none stays open, the budget is exact, the same command
goes on. A row for each kind of harm: how often, where, and whether ledger, study, report and processes were
as they must be. Exit status 1: something was not. A row that `--json` has as done, with the same seed and
mode, is printed and not done again, so that an hour's work can be interrupted.
"""

import json
import random
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import autoact.cli._search  # noqa: F401  what every command imports is imported once
import scripts.harm.models  # noqa: F401
from autoact.latency import medians
from autoact.search.outcome import _latency
from autoact.search.study import load_storages
from autoact.tracking import _layer_logger
from scripts import terminal
from scripts.harm import clusters, disks, interruptions, kills, servers
from scripts.harm.bench import Bench, Tally, environment

ROWS: dict[str, Callable[[Bench], Tally]] = {
    "kill": kills.killed_anywhere,
    "kill-before-line": kills.killed_before_a_line,
    "kill-in-line": kills.killed_in_a_line,
    "kill-in-report": kills.killed_in_report,
    "kill-in-stacks": kills.killed_in_stacks,
    "kill-workers": kills.killed_workers,
    "crash-workers": kills.crashed_workers,
    "kill-all": kills.killed_all,
    "kill-8-workers": kills.killed_at_random,
    "interrupt": interruptions.interrupted,
    "interrupt-twice": interruptions.interrupted_twice,
    "terminate": interruptions.terminated,
    "hang-up": interruptions.hung_up,
    "stop-and-continue": interruptions.stopped,
    "hang": interruptions.hung,
    "two-searches": interruptions.searched_twice,
    "full-disk": disks.filled,
    "read-only": disks.read_only,
    "moved": disks.moved,
    "locked-study": disks.locked,
    "damaged-files": disks.damaged,
    "postgresql": servers.mirrored,
    "lost-node": clusters.nodes_lost,
}
HEAD = ("harm", "times", "where", "seconds", "result")
LONG = {  # left out of the short mode: what starts workers, and what other rows do in much the same way
    "kill-before-line",
    "kill-in-report",
    "kill-workers",
    "crash-workers",
    "kill-all",
    "kill-8-workers",
    "interrupt-twice",
    "hang-up",
    "locked-study",
    "lost-node",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do all harms and print a table; 1 where something did not hold."""
    parser = terminal.parser(__doc__, short="each harm once, none that needs workers")
    parser.add_argument("--seed", type=int, default=0, help="decides where the harms are done")
    parser.add_argument("--only", nargs="+", metavar="ROW", choices=list(ROWS), help=", ".join(ROWS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="file of the rows: of those done, too")
    options = parser.parse_args(arguments)
    environment()
    brief()
    chosen = options.only or [name for name in ROWS if not (options.short and name in LONG)]
    print(*terminal.machine().values(), f"seed {options.seed}", sep=", ", flush=True)
    mode = {"seed": options.seed, "short": options.short}
    rows = known(options.json, mode)
    print(terminal.markdown(HEAD, [], "lrlrl"), flush=True)
    with TemporaryDirectory(prefix="autoact-torture-") as folder:
        bench = Bench(Path(folder), random.Random(), options.short)
        for name in chosen:
            if name not in rows or rows[name]["faults"]:
                rows[name] = row(name, bench, options.seed)
                if options.json:
                    options.json.write_text(
                        json.dumps({**terminal.machine(), **mode, "rows": rows}, indent=2)
                    )
            print(terminal.markdown(cells(name, rows[name]), [], "lrlrl").splitlines()[0], flush=True)
            print(*(f"{name}: {fault}\n" for fault in rows[name]["faults"]), sep="", end="", flush=True)
    return int(any(rows[name]["faults"] for name in chosen))


def known(file: Path | None, mode: dict[str, Any]) -> dict[str, Any]:
    """Return the rows that a file has, of this seed and mode."""
    found = json.loads(file.read_text()) if file is not None and file.is_file() else {}
    return dict(found["rows"]) if {name: found.get(name) for name in mode} == mode else {}


def row(name: str, bench: Bench, seed: int) -> dict[str, Any]:
    """Do one kind of harm; return what came of it, with the seconds that it took."""
    bench.draw = random.Random(f"{seed} {name}")  # the same in each selection of rows
    began = time.monotonic()
    try:
        tally = ROWS[name](bench)
    except Exception as error:  # a row that cannot be done is a row that failed
        traceback.print_exc()
        tally = Tally(faults=[f"{type(error).__name__}: {error}"])
    return {**vars(tally), "at": dict(tally.at), "seconds": time.monotonic() - began}


def cells(name: str, found: dict[str, Any]) -> list[str]:
    """Return the cells of a row of the table."""
    where = ", ".join(f"{place} {count}" for place, count in found["at"].items())
    result = found["skipped"] or (f"{len(found['faults'])} faults" if found["faults"] else "ok")
    return [name, str(found["times"]), where, f"{found['seconds']:.0f}", result]


def brief() -> None:
    """Let searches draw no figures, and time models for a moment: that is half of what they take."""
    vars(_layer_logger)["left_out"] = lambda package, what: True
    vars(_latency)["medians"] = partial(medians, seconds=0.01)
    load_storages()


if __name__ == "__main__":
    raise SystemExit(main())
