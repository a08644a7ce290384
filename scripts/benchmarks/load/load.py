"""Load: what a large space, thousands of trainings and 200 workers take, with trainings that take no time.

    python scripts/benchmarks/load/load.py [--short] [--trainings 5000] [--json FILE]

Seconds are of the processor, except "wall". A training is a number from a planted surface.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from torch.utils.tensorboard import SummaryWriter

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from autoact.conversion import auto_layers, convert, find_layers
from autoact.records import Ledger, Training
from autoact.report import write_report
from autoact.search import run_search
from autoact.search.study import Study
from autoact.search.trainings import Trainings
from autoact.spaces import Assignment, SearchSpace
from autoact.spaces.files import write_yaml
from autoact.tracking import LayerLogger
from autoact.tracking._layer_logger import APART, TimeBudget
from scripts import terminal
from scripts.benchmarks.load.ask import measured
from scripts.benchmarks.load.stand_ins import (
    WORKERS,
    Crowd,
    Killed,
    Size,
    candidates,
    done,
    network,
    random_assignments,
    surface,
)

_FIRST = 12  # ask that comes after the baselines
MONTH = 30 * 86_400.0
Rows = list[tuple[str, str]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table of what was measured."""
    parser = terminal.parser(__doc__, short="six layers, 60 trainings: shows that it runs")
    parser.add_argument("--trainings", type=int, default=Size.trainings, help="of the long run")
    parser.add_argument("--json", type=Path, help="file for the same numbers")
    options = parser.parse_args(arguments)
    size = Size(6, 8, 60, 4) if options.short else Size(trainings=options.trainings)
    rows: Rows = []
    with tempfile.TemporaryDirectory() as folder:
        for part in (wide, events, crowd, long):
            rows += part(size, Path(folder))
    print(terminal.markdown(("what", "measured"), rows))
    if options.json is not None:
        options.json.write_text(json.dumps({**terminal.machine(), **dict(rows)}, indent=1) + "\n")
    return 0


def wide(size: Size, folder: Path) -> Iterator[tuple[str, str]]:
    """Convert a deep network with many candidates, ask for it, and write and read what describes it."""
    name, names = f"{size.layers} layers x {size.candidates} candidates", candidates(size)
    space, model = SearchSpace.of(names), network(size.layers)
    yield f"{name}: find layers", took(lambda: find_layers(model, space))
    yield f"{name}: convert", took(lambda: convert(model, space))
    drawn = random_assignments(1, size.layers, names)[0]
    for label, value, kind in (("assignment", drawn, Assignment), ("space", space, SearchSpace)):
        file = folder / f"{label}.yaml"
        yield f"{name}: write {label}", took(partial(write_yaml, file, value.to_dict()))
        yield f"{name}: read {label}", took(partial(kind.load, file))
    yield f"{name}: announcement", took(lambda: run_search(**question(size.layers, names, 20), dry_run=True))
    for trials in (20, 500):
        seconds, _ = measured(size.layers, size.candidates, min(trials, size.trainings), 0)
        yield f"{name}: ask after {trials} trials", f"{seconds:.2f} s"
    run = folder / "wide"
    run_search(**question(size.layers, names, 1), out=run)
    yield f"{name}: report", took(lambda: write_report(run))
    yield f"{name}: report.html", mebibytes((run / "report.html").stat().st_size)


def events(size: Size, folder: Path) -> Iterator[tuple[str, str]]:
    """Write the state of a mixture in training, and reckon what a training of a month leaves."""
    model = convert(network(size.layers), SearchSpace.of(candidates(size)))
    writer = SummaryWriter(str(folder / "events"))
    logger = LayerLogger(writer, auto_layers(model))
    logger.log(0)
    first = written(writer)
    seconds = took(lambda: logger._write_scalars(1))
    state = written(writer) - first
    yield "events: a state", f"{seconds}, {mebibytes(state)}"
    yield "events: two figures", took(lambda: logger._write_figures(1))
    figures = written(writer) - first - state
    yield "events: two figures' bytes", mebibytes(figures)
    for label, duration in (("an hour", MONTH / 720), ("a day", MONTH / 30), ("a month", MONTH)):
        count = states(duration, float(seconds.split()[0]))
        yield f"events: at most, in {label}", f"{count} states, {mebibytes(count * (state + figures))}"


def crowd(size: Size, folder: Path) -> Iterator[tuple[str, str]]:
    """Do trainings of different models by 200 threads."""
    names = candidates(Size(candidates=8))
    asked = [
        Training(phase="baseline", label=str(number), assignment=drawn, seed=number)
        for number, drawn in enumerate(random_assignments(size.trainings, 3, names))
    ]
    with ThreadPoolExecutor(WORKERS) as threads:
        trainings = Trainings(Crowd(threads), None, Ledger(folder / "crowd.jsonl"))  # type: ignore[arg-type]
        yield f"{WORKERS} workers: {size.trainings} trainings", took(lambda: trainings.run(asked))
    assert len(trainings.ledger.trainings) == size.trainings


def long(size: Size, folder: Path) -> Iterator[tuple[str, str]]:
    """Resume a run with thousands of trainings, ask for some more, and report it."""
    run, names = folder / "long", candidates(Size(candidates=8))
    name, asked = f"{size.trainings} trainings", list[float]()
    search = partial(run_search, **question(3, names, size.trainings), out=run)
    with suppress(Killed), watching([], until=_FIRST):
        search()
    prepend(run, size.trainings - size.asks, names)
    with suppress(Killed), watching([], until=1):  # writes what a process that trained them would have
        search(resume=True)
    began = time.process_time()
    with suppress(Killed), watching([], until=1):
        search(resume=True)
    yield f"{name}: resume, to the first question", f"{time.process_time() - began:.2f} s"
    with watching(asked):
        search(resume=True)
    yield f"{name}: ask, median", f"{np.median(asked[1:]):.3f} s"
    yield f"{name}: ask, 95 of 100", f"{np.quantile(asked[1:], 0.95):.3f} s"
    yield f"{name}: write the report's files", took(lambda: write_report(run))
    yield f"{name}: open a run that is done", took(lambda: search(resume=True))
    for file in ("trainings.jsonl", "study.db", "report.json", "report.html", "leaderboard.csv"):
        yield f"{name}: {file}", mebibytes((run / file).stat().st_size)
    logged = sum(file.stat().st_size for file in (run / "tensorboard").rglob("*") if file.is_file())
    yield f"{name}: tensorboard/", mebibytes(logged)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    yield "largest memory of the process", mebibytes(peak)


def prepend(run: Path, trials: int, names: Sequence[str]) -> None:
    """Add random trials to a ledger until it has so many, as if they had been asked for."""
    ledger = Ledger(run / "trainings.jsonl")
    seeds = [training.seed for training in ledger.of("trial")]
    first = max(training.trial or 0 for training in ledger.trainings) + 1
    drawn = enumerate(random_assignments(trials - len(seeds), 3, names), first)
    ledger.append(
        *(
            done(Training(phase="trial", label=f"trial {n}", assignment=one, seed=seeds[n % 2], trial=n))
            for n, one in drawn
        )
    )


@contextmanager
def watching(asked: list[float], until: int | None = None) -> Iterator[None]:
    """Note the processor seconds of each ask, and end the process before one of them."""
    ask = Study.ask

    def timed(study: Study) -> Any:
        if len(asked) + 1 == until:
            raise Killed
        start = time.process_time()
        try:
            return ask(study)
        finally:
            asked.append(time.process_time() - start)

    with patch.object(Study, "ask", timed):
        yield


def states(duration: float, seconds: float) -> int:
    """Return how many states of a mixture are written in a training, each of which takes some seconds."""
    now = 0.0
    budget = TimeBudget(0.005, lambda: now, APART)
    count = 0
    while now < duration:
        now += max(seconds, now / 10_000)
        if budget.allows(seconds):
            count += 1
            with budget.spending():
                now += seconds
    return count


def question(layers: int, names: Sequence[str], budget: int) -> dict[str, Any]:
    """Return what a search is asked."""
    return {
        "objective": surface,
        "layers": [f"layer{number}" for number in range(layers)],
        "space": list(names),
        "mode": "min",
        "budget": budget,
        "seeds": 3,
        "quiet": True,
    }


def took(work: Callable[[], Any]) -> str:
    """Return the processor seconds of some work."""
    began = time.process_time()
    work()
    return f"{time.process_time() - began:.2f} s"


def written(writer: SummaryWriter) -> int:
    """Return the bytes of a writer's files."""
    writer.flush()
    return sum(file.stat().st_size for file in Path(writer.log_dir).rglob("*") if file.is_file())


def mebibytes(count: float) -> str:
    """Return a number of bytes in MiB."""
    return f"{count / 2**20:.1f} MiB"


if __name__ == "__main__":
    sys.exit(main())
