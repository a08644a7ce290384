"""Replay search strategies on tables of trainings: regret against cost, and what each ingredient is worth.

    python scripts/benchmarks/search.py [--tables DIR] [--held-out] [--repetitions 200] [--costs 5,10,20,40]
        [--workers 2] [--prior NAME] [--without-synthetic] [--short] [--json FILE] [--markdown FILE]
        [--figure FILE] [--again STRATEGY ...]

A regret of 0 is the best assignment of a table, 1 the median one, by the mean over all seeds of the table.
Costs are in full trainings, and include what a prior costs. `--tables` takes any folder of tables in the
format of `scripts.benchmarks.tables.SearchTable`; `--held-out` adds those of its folder held_out. What the
JSON file holds already is not played again: a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts import terminal
from scripts.benchmarks import tables
from scripts.benchmarks.replay import (
    BAR_COST,
    BASE,
    MIXTURE,
    ORACLE,
    OURS,
    RANDOM,
    SAMPLER,
    Regrets,
    Results,
    Row,
    TableOf,
    compared,
    draw,
    summary,
)

SYNTHETIC = ("adversarial", "additive", "planted")
DRAWN = {  # color and width of lines
    RANDOM: ("0.65", 1.2),
    BASE: ("tab:orange", 1.4),
    ORACLE: ("tab:green", 1.2),
    SAMPLER: ("tab:cyan", 1.4),
    OURS: ("tab:blue", 2.2),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Play what is missing, and print the tables; 2 if there is nothing to play on."""
    options = parse(arguments)
    costs = [float(cost) for cost in options.costs.split(",")]
    repetitions = 4 if options.short else options.repetitions
    if not (found := asked_for(options, synthetic=not options.without_synthetic)):
        return 2
    kept = known(options.json, options.again)
    results: Results = {name: kept.get(name, {}) for name in found}
    with processes(options.workers) as executor:
        for name, strategy, row in games(found, options.prior):
            run(results[name], found[name], (name, strategy, row), costs, repetitions, executor)
            if options.json:
                Path(options.json).write_text(as_json(results), encoding="utf-8")
    write(results, costs, options)
    return 0


def processes(workers: int) -> AbstractContextManager[Executor | None]:
    """Return where to play: processes of one thread each, or here if one is enough."""
    if workers == 1:
        return nullcontext()
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    return ProcessPoolExecutor(workers, mp_context=get_context("forkserver"))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = replay_parser(__doc__, "four repetitions: shows that everything runs", repetitions=200)
    parser.add_argument("--costs", default="5,10,20,40")
    parser.add_argument("--prior", default=MIXTURE, help="the tables' prior that the search trains")
    parser.add_argument("--without-synthetic", action="store_true")
    parser.add_argument("--again", nargs="+", default=[], metavar="STRATEGY", help="played even so")
    parser.add_argument("--markdown")
    parser.add_argument("--figure")
    return parser.parse_args(arguments)


def replay_parser(about: str | None, short: str, repetitions: int) -> argparse.ArgumentParser:
    """Return a parser with what all replays take.

    Args:
        about: The script's `__doc__`.
        short: What is left out with `--short`.
        repetitions: Games of each strategy on each table, where no other number is given.
    """
    parser = terminal.parser(about, short=short, tables=True)
    parser.add_argument("--held-out", action="store_true", help="also the tables in the folder's held_out")
    parser.add_argument("--repetitions", type=int, default=repetitions)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--json", type=Path, help="where results are kept; those that it holds are not played again"
    )
    return parser


def asked_for(options: argparse.Namespace, synthetic: bool = False) -> dict[str, TableOf]:
    """Return the tables to play on by name, and say so if there are none."""
    folders = [options.tables] + ([options.tables / "held_out"] if options.held_out else [])
    found = find_tables(folders, synthetic)
    if not found:
        print(f"{options.tables} holds no .npz table and synthetic ones are left out.", file=sys.stderr)
    return found


def find_tables(folders: Sequence[Path], synthetic: bool) -> dict[str, TableOf]:
    """Return what gives the table of a repetition, by name; a synthetic one is another problem every time."""
    paths = [path for folder in folders for path in sorted(folder.glob("*.npz"))]
    marks = {path: "held out: " if path.parent.name == "held_out" else "" for path in paths}
    stored = {marks[path] + path.stem: partial(stored_table, str(path)) for path in paths}
    made = {f"synthetic: {name}": partial(synthetic_table, name) for name in SYNTHETIC}
    return {**stored, **(made if synthetic else {})}


@lru_cache(maxsize=4)
def load(path: str) -> tables.SearchTable:
    """Read a table once."""
    return tables.SearchTable.load(path)


def stored_table(path: str, repetition: int) -> tables.SearchTable:
    """Return the table in a file, whatever the repetition."""
    return load(path)


@lru_cache(maxsize=4)
def synthetic_table(name: str, repetition: int) -> tables.SyntheticTable:
    """Return a made table, another one for every repetition."""
    made: tables.SyntheticTable = getattr(tables, name)(repetition)
    return made


def games(found: Mapping[str, TableOf], prior: str) -> Iterator[tuple[str, str, Row]]:
    """Yield table, strategy and its row: what plays at all costs first."""
    for once in (False, True):
        for name, table in found.items():
            measured = isinstance(table(0), tables.SearchTable)
            for strategy, row in compared(prior).items():
                if once == row.once and (measured or not row.stored):
                    yield name, strategy, row


def run(
    kept: dict[str, Regrets],
    table: TableOf,
    named: tuple[str, str, Row],
    costs: list[float],
    repetitions: int,
    executor: Executor | None,
) -> None:
    """Play one strategy on one table, unless enough of it is there."""
    name, strategy, row = named
    at = ([cost for cost in costs if cost == BAR_COST] or costs[-1:]) if row.once else costs
    known_costs = set(kept[strategy].costs) if strategy in kept else set()
    wanted = -(-repetitions // 2) if row.once else repetitions
    if set(at) <= known_costs and len(kept[strategy].values) >= wanted:
        return
    started = time.perf_counter()
    played = row.play(table, at, wanted, executor)
    kept[strategy] = Regrets(played.costs, played.values.round(3))
    print(f"{name}: {strategy}, {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)


def known(path: str | None, again: Sequence[str] = ()) -> Results:
    """Read the results that a JSON file holds, without those of some strategies."""
    if path is None or not Path(path).exists():
        return {}
    stored = json.loads(Path(path).read_text(encoding="utf-8"))
    return {
        table: {
            strategy: Regrets(tuple(map(float, own)), np.array(list(own.values()), dtype=np.float64).T)
            for strategy, own in regrets.items()
            if strategy not in again
        }
        for table, regrets in stored.items()
    }


def as_json(results: Results) -> str:
    """Return all regrets by table, strategy, cost and repetition; null where one could not play."""
    plain = {
        table: {
            strategy: {
                f"{cost:g}": [None if np.isnan(value) else value for value in own.at(cost).tolist()]
                for cost in own.costs
            }
            for strategy, own in regrets.items()
        }
        for table, regrets in results.items()
    }
    return json.dumps(plain, separators=(",", ":"))


def write(results: Results, costs: list[float], options: argparse.Namespace) -> None:
    """Print the summary, and write what was asked for."""
    text = summary(results, costs)
    print(text)
    if options.markdown:
        Path(options.markdown).write_text(text, encoding="utf-8")
    if options.figure:
        draw(results, DRAWN, (OURS, BASE)).savefig(options.figure, bbox_inches="tight")


if __name__ == "__main__":
    sys.exit(main())
