"""Similar runs: what a search gains that is given the choice, or all trainings, of one on a similar task.

    python scripts/benchmarks/tables/build.py --table NAME_half --seeds 6 --data-dir DIR --out runs/halves
    python scripts/benchmarks/experience/similar_runs.py [--halves runs/halves] [--held-out]
        [--repetitions 200] [--workers 2] [--ways "choice;mean"] [--short] [--json FILE]

A search of 20 trials with its baselines, raced as in a run, plays on each table: without an earlier run; with
one, its *choice* tried first, as `like` does; the same with the run's posterior mean as prior mean (*mean*),
or with its trainings in the same process (*joint*). The earlier run has 20 trials and the baselines, and
another seed in every game. It is of a similar task (half of the units, twice the learning rate, half of the
training rows, drawn anew; or another depth on the same data), or, as a control, of other data. All pairs were
named before a game was played, and settings are chosen on those of development. The bar: on the similar pairs
held out, a mean regret lower by 0.03 than with the choice alone, the interval above 0; and no table held out
more than 0.05 worse with a run on other data than without one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields
from pathlib import Path
from unittest.mock import patch

import numpy as np

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from autoact.search.optimizer._gaussian_process import GaussianProcess
from scripts import terminal
from scripts.benchmarks import search
from scripts.benchmarks.experience import Earlier, Fit, earlier_run, joint_fit, mean_fit
from scripts.benchmarks.replay import Game, Picks, Results, Row, Search, mean_difference, playing
from scripts.benchmarks.replay.pooling import RACE, RACED, cost
from scripts.benchmarks.tables import Names

DEVELOPMENT = {  # table: (similar, other data)
    "digits": ("digits4", "wine_half"),
    "digits4": ("digits", "abalone_half"),
    "wine": ("wine_half", "digits"),
    "abalone": ("abalone_half", "digits4"),
}
HELD_OUT = {
    "held out: alcohol": ("alcohol_half", "sex_half"),
    "held out: clusters": ("clusters_half", "cora_half"),
    "held out: cora": ("cora_half", "alcohol_half"),
    "held out: sex": ("sex_half", "clusters_half"),
    "held out: spirals": ("spirals_half", "clusters_half"),
    "held out: wine5": ("alcohol", "sex_half"),
}
ALONE, CHOICE = "no run", "choice"
Way = Callable[[Earlier, tuple[int, ...]], Fit]  # of an earlier run and the candidates by layer
WAYS: Mapping[str, Way | None] = {
    CHOICE: None,
    "mean": lambda earlier, sizes: mean_fit(earlier, sizes, 0.35, 0.1),
    "joint": lambda earlier, _: joint_fit(earlier, 0.5),
}
KINDS = ("similar", "other data")


@dataclass(frozen=True, slots=True, kw_only=True)
class Experienced(Search):
    """A search that is given an earlier run.

    Args:
        source: File of the table of the earlier run.
        way: What it takes of it, of `WAYS`.
    """

    source: Path
    way: str

    def __call__(self, game: Game, costs: Sequence[float]) -> Picks:
        """Play once for all costs."""
        earlier = earlier_run(self.source, game.seed, game.table)
        told = WAYS[self.way]
        fit = None if told is None else told(earlier, tuple(map(len, game.table.candidates)))
        kept = {own.name: getattr(self, own.name) for own in fields(Search)}
        with nullcontext() if fit is None else patch.object(GaussianProcess, "fit", fit):
            return _Begun(earlier=earlier, **kept)(game, costs)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun(Search):
    earlier: Earlier

    def enqueued(self, game: Game) -> list[Names]:
        """Return what is tried first, and then the earlier run's choice."""
        return list(dict.fromkeys([*Search.enqueued(self, game), self.earlier.choice]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Play what is missing, and print means and differences."""
    options = parsed(arguments)
    pairs = {**DEVELOPMENT, **(HELD_OUT if options.held_out else {})}
    found = search.asked_for(options)
    tables = {name: found[name] for name in pairs if name in found}
    repetitions = 2 if options.short else options.repetitions
    results: Results = {name: {} for name in tables} | search.known(options.json)
    with search.processes(options.workers) as executor:
        for way in (ALONE, *options.ways):
            for kind in KINDS if way != ALONE else ("",):
                for name, table in tables.items():
                    strategy: Search = RACE
                    if kind:
                        source = file_of(pairs[name][KINDS.index(kind)], options)
                        strategy = experienced(source, way)
                    named = (name, title(way, kind), Row(playing(strategy)))
                    search.run(results[name], table, named, [cost(RACED, table)], repetitions, executor)
                    if options.json:
                        Path(options.json).write_text(search.as_json(results), encoding="utf-8")
    print(compared({name: results[name] for name in tables}))
    return 0


def experienced(source: Path, way: str) -> Experienced:
    """Return the search of a run with an earlier one."""
    kept = {own.name: getattr(RACE, own.name) for own in fields(Search)}
    return Experienced(source=source, way=way, **kept)


def title(way: str, kind: str) -> str:
    """Return what a strategy is called in the JSON file."""
    return f"{way}, {kind}" if kind else way


def file_of(name: str, options: argparse.Namespace) -> Path:
    """Return the file of an earlier run's table."""
    folders = (options.tables, options.tables / "held_out", options.halves)
    found = next((file for folder in folders if (file := folder / f"{name}.npz").exists()), None)
    if found is None:
        sys.exit(
            f"No table {name}.npz in {', '.join(map(str, folders))}: the first command of --help makes it."
        )
    return found


def compared(results: Results) -> str:
    """Return mean regrets, and by how much those with an earlier run are lower than without, by table."""
    groups: dict[str, list[str]] = {"of development": [], "held out": []}
    for name in results:
        groups["held out" if name.startswith("held out") else "of development"].append(name)
    columns = [title(way, kind) for way in WAYS for kind in KINDS]
    columns = [column for column in columns if all(column in own for own in results.values())]
    rows = []
    for label, names in [*groups.items(), *((name, [name]) for name in results)]:
        if names:
            alone = np.mean([results[name][ALONE].values.mean() for name in names])
            cells = (f"{gain(results, names, ALONE, column)}" for column in columns)
            rows.append((f"**{label}**" if label in groups else label, f"{alone:.3f}", *cells))
    for label, names in groups.items():
        if names:
            cells = (
                gain(results, names, base, column) if base in columns and base != column else ""
                for column in columns
                for base in (title(CHOICE, column.split(", ")[1]),)
            )
            rows.append((f"**{label}**, than *choice*", "", *cells))
    return terminal.markdown(("table", ALONE, *columns), rows)


def gain(results: Results, names: Sequence[str], base: str, column: str) -> str:
    """Return by how much a mean regret is lower than another, with its interval over games."""
    pairs = ((results[name][base].values[:, 0], results[name][column].values[:, 0]) for name in names)
    found, low, high = mean_difference([a[: len(b)] - b[: len(a)] for a, b in pairs])
    return f"{found:+.3f} [{low:+.3f}, {high:+.3f}]"


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = search.replay_parser(__doc__, "two repetitions: shows that it runs", repetitions=200)
    parser.add_argument("--halves", type=Path, default=terminal.RUNS / "halves", help="tables of halves")
    parser.add_argument("--ways", default=";".join(WAYS), help="some, separated by semicolons")
    options = parser.parse_args(arguments)
    options.ways = options.ways.split(";")
    if unknown := set(options.ways) - WAYS.keys():
        parser.error(f"--ways {', '.join(sorted(unknown))}: there are {', '.join(WAYS)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
