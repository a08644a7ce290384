"""Torture: searches are killed, interrupted and deprived of files; what they promise holds after each.

    python scripts/torture.py [--short] [--seed N] [--only ROW ...] [--json FILE]

No finished training is lost, none is done twice, none stays open, the budget is exact, the same command
goes on. A row for each kind of harm: how often, where, and whether ledger, study, report and processes were
as they must be. Exit status 1: something was not.
"""

import json
import random
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

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
    "lost-node",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do all harms and print a table; 1 where something did not hold."""
    parser = terminal.parser(__doc__, short="each harm once, none that needs workers")
    parser.add_argument("--seed", type=int, default=0, help="decides where the harms are done")
    parser.add_argument("--only", nargs="+", metavar="ROW", choices=list(ROWS), help=", ".join(ROWS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows to a file")
    options = parser.parse_args(arguments)
    environment()
    brief()
    chosen = options.only or [name for name in ROWS if not (options.short and name in LONG)]
    print(*terminal.machine().values(), f"seed {options.seed}", sep=", ", flush=True)
    with TemporaryDirectory(prefix="autoact-torture-") as folder:
        bench = Bench(Path(folder), random.Random(), options.short)
        found: dict[str, tuple[Tally, float]] = {}
        for name in chosen:
            found[name] = row(name, bench, options.seed)
            table = terminal.markdown(HEAD, [cells(name, *found[name])], "lrlrl")
            print(table if len(found) == 1 else table.splitlines()[-1], flush=True)
            print(*(f"{name}: {fault}\n" for fault in found[name][0].faults), sep="", end="", flush=True)
    if options.json:
        rows = {name: {**asdict(tally), "seconds": seconds} for name, (tally, seconds) in found.items()}
        options.json.write_text(json.dumps(rows, indent=2))
    return int(any(tally.faults for tally, _ in found.values()))


def row(name: str, bench: Bench, seed: int) -> tuple[Tally, float]:
    """Do one kind of harm; return what came of it, and the seconds that it took."""
    bench.draw = random.Random(f"{seed} {name}")  # the same in each selection of rows
    began = time.monotonic()
    try:
        tally = ROWS[name](bench)
    except Exception as error:  # a row that cannot be done is a row that failed
        traceback.print_exc()
        tally = Tally(faults=[f"{type(error).__name__}: {error}"])
    return tally, time.monotonic() - began


def cells(name: str, tally: Tally, seconds: float) -> list[str]:
    """Return the cells of a row of the table."""
    where = ", ".join(f"{place} {count}" for place, count in tally.at.items())
    result = tally.skipped or (f"{len(tally.faults)} faults" if tally.faults else "ok")
    return [name, str(tally.times), where, f"{seconds:.0f}", result]


def brief() -> None:
    """Let searches draw no figures, and time models for a moment: that is half of what they take."""
    vars(_layer_logger)["left_out"] = lambda package, what: True
    vars(_latency)["medians"] = partial(medians, seconds=0.01)
    load_storages()


if __name__ == "__main__":
    raise SystemExit(main())
