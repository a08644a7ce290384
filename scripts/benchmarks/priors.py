"""Measure how well cheap priors rank assignments: scores of every design against the truth of the tables.

    python scripts/benchmarks/priors.py [--tables DIR] [--data-dir DIR] [--only digits wine]
        [--designs NAME ...] [--repetitions 8] [--workers 2] [--short] [--json FILE] [--store NAME ...]

Prints, for each design, read-out and table: Spearman's rank correlation with the truth over all assignments;
the regret of the best-scored assignment (median, 90th percentile over repetitions). Costs are full trainings.
--store writes the scores of these designs ("DESIGN / READ-OUT") into the tables. --replay N trains nothing:
it replays the search at a cost of 20 with each stored prior, N times.
"""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts import terminal
from scripts.benchmarks.designs import DESIGNS, Outcome
from scripts.benchmarks.replay import Game, Search
from scripts.benchmarks.tables import Array, Prior, SearchTable
from scripts.benchmarks.tables.tasks import TASKS

COST = 20.0  # full trainings of a replayed search
FIRST_SEED = 1000  # the tables' own seeds begin at 0
Key = tuple[str, str]  # table, "design / read-out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How good a prior is: by repetition, and its cost."""

    spearman: list[float]
    regret: list[float]
    cost: float

    def cell(self) -> str:
        """Return Spearman's correlation, and median and 90th percentile of the regret."""
        median, worst = np.median(self.regret), np.quantile(self.regret, 0.9)
        return f"{np.mean(self.spearman):.2f}; {median:.2f}, {worst:.2f}"


def repeat(job: tuple[str, str, int], data_dir: Path) -> Outcome:
    """Run one design once."""
    table, design, repetition = job
    return DESIGNS[design](TASKS[table], TASKS[table].load(data_dir), FIRST_SEED + repetition)


def measure(options: argparse.Namespace) -> dict[Key, Prior]:
    """Run every design on every table, and gather the scores."""
    jobs = [(t, d, r) for t in options.only for d in options.designs for r in range(options.repetitions)]
    gathered: dict[Key, list[tuple[Array, float]]] = defaultdict(list)
    run = partial(repeat, data_dir=options.data_dir)
    with ExitStack() as stack:
        results = (
            map(run, jobs) if options.workers == 1 else stack.enter_context(pool(options)).map(run, jobs)
        )
        for number, (job, outcome) in enumerate(zip(jobs, results, strict=True), start=1):
            for readout, scores in outcome.scores.items():
                gathered[job[0], f"{job[1]} / {readout}"].append((standardized(scores), outcome.cost))
            print(f"{number} of {len(jobs)}: {job[0]}, {job[1]}", file=sys.stderr, flush=True)
    return {
        key: Prior(
            scores=np.stack([scores for scores, _ in found]), cost=found[0][1], additive=found[0][0].ndim == 2
        )
        for key, found in gathered.items()
    }


def pool(options: argparse.Namespace) -> ProcessPoolExecutor:
    """Return processes of one thread each."""
    spawn = get_context("spawn")
    return ProcessPoolExecutor(options.workers, spawn, initializer=torch.set_num_threads, initargs=(1,))


def standardized(scores: Array) -> Array:
    """Bring a repetition's scores to mean 0 and s.d. 1; losses that are not finite become the worst."""
    finite = np.where(np.isfinite(scores), scores, scores[np.isfinite(scores)].min())
    return (finite - finite.mean()) / (finite.std() or 1.0)


def complete(prior: Prior, table: SearchTable, repetition: int) -> Array:
    """Return a repetition's score of every assignment."""
    if not prior.additive:
        return prior.scores[repetition]
    rows = np.ix_(*prior.scores[repetition])
    return sum(rows, start=np.zeros(table.truth.shape))


def quality(prior: Prior, table: SearchTable) -> Quality:
    """Return how well a prior ranks the assignments of a table."""
    scores = [complete(prior, table, number) for number in range(len(prior.scores))]
    return Quality(
        spearman=[float(spearmanr(one.ravel(), -table.truth.ravel()).statistic) for one in scores],
        regret=[float(table.regrets.ravel()[one.argmax()]) for one in scores],
        cost=prior.cost,
    )


def markdown(found: dict[Key, Quality]) -> str:
    """Return one row per design and read-out, the best mean rank correlation first."""
    tables = list(dict.fromkeys(table for table, _ in found))
    by_design: dict[str, dict[str, Quality]] = defaultdict(dict)
    for (table, design), one in found.items():
        by_design[design][table] = one
    order = sorted(by_design, key=lambda design: -mean_rank(by_design[design]))
    rows = []
    for design in order:
        own = by_design[design]
        cells = [own[table].cell() if table in own else "" for table in tables]
        rows.append((design, f"{mean_rank(own):.2f}", *cells, shown_cost([one.cost for one in own.values()])))
    return terminal.markdown(("design / read-out", "mean", *tables, "cost"), rows)


def mean_rank(own: dict[str, Quality]) -> float:
    """Return the mean rank correlation over tables and repetitions."""
    return float(np.mean([np.mean(one.spearman) for one in own.values()]))


def shown_cost(costs: list[float]) -> str:
    """Return the cost, or the lowest and the highest."""
    low, high = f"{min(costs):.1f}", f"{max(costs):.1f}"
    return low if low == high else f"{low}-{high}"


def store(priors: dict[Key, Prior], names: list[str], folder: Path) -> None:
    """Write the priors of these names into the tables' files."""
    for table in dict.fromkeys(name for name, _ in priors):
        path = folder / f"{table}.npz"
        kept = {
            design: prior for (name, design), prior in priors.items() if name == table and design in names
        }
        loaded = SearchTable.load(path)
        replace(loaded, priors={**loaded.priors, **kept}).save(path)


def replayed(table: SearchTable, cost: float, repetitions: int) -> list[tuple[str, ...]]:
    """Return rows of a table: regret of the search at a cost, prior included, without and with each prior."""
    rows = []
    for name in (None, *table.priors):
        search = Search(prior=name)
        found = [table.regret(search(Game(table, seed), (cost,))[cost]) for seed in range(repetitions)]
        cells = (f"{value:.2f}" for value in (np.median(found), np.mean(found), np.quantile(found, 0.9)))
        rows.append((table.name, name or "none", *cells))
    return rows


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = terminal.parser(__doc__, short="one repetition on digits", tables=True)
    parser.add_argument("--data-dir", type=Path, default=Path())
    parser.add_argument("--only", nargs="+", choices=sorted(TASKS), help="tables; default: all there are")
    parser.add_argument("--designs", nargs="+", choices=list(DESIGNS), default=list(DESIGNS), metavar="NAME")
    parser.add_argument("--repetitions", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--replay", type=int, default=0, metavar="N", help="train nothing; replay the search")
    parser.add_argument("--store", nargs="+", default=[], metavar="DESIGN / READ-OUT")
    options = parser.parse_args(arguments)
    options.only = options.only or [name for name in TASKS if (options.tables / f"{name}.npz").exists()]
    if options.short:
        options.only, options.repetitions = ["digits"], 1
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the designs, or replay the search with what the tables hold."""
    options = parsed(arguments)
    tables = {name: SearchTable.load(options.tables / f"{name}.npz") for name in options.only}
    if options.replay:
        rows = [row for table in tables.values() for row in replayed(table, COST, options.replay)]
        print(terminal.markdown(("table", "prior", "median", "mean", "90 %"), rows, "llrrr"))
        return
    priors = measure(options)
    found = {key: quality(prior, tables[key[0]]) for key, prior in priors.items()}
    print(markdown(found))
    if options.json:
        records = {" / ".join(key): asdict(one) for key, one in found.items()}
        options.json.write_text(json.dumps(records, indent=1))
    store(priors, options.store, options.tables)


if __name__ == "__main__":
    main()
