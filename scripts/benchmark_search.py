"""Replay search strategies on tables of trainings: regret against cost, and what each ingredient is worth.

    python scripts/benchmark_search.py [--tables DIR] [--held-out] [--repetitions 200] [--costs 5,10,20,40]
        [--workers 2] [--prior NAME] [--without-synthetic] [--short] [--json FILE] [--markdown FILE]
        [--figure FILE]

A regret of 0 is the best assignment of a table, 1 the median one, by the mean over all seeds of the table.
Costs are in full trainings, and include what a prior costs. `--tables` takes any folder of tables in the
format of `autoact.search.tables.SearchTable`; `--held-out` adds those of its folder held_out. What the JSON
file holds already is not played again: a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from search_figure import draw

from autoact.search import replay, tables
from autoact.search.optimizer._kernel import Array
from autoact.search.replay import MeanOf, OneSeed, Regrets, Rungs, Strategy
from autoact.search.replay.tournament import TableOf

ROOT = Path(__file__).resolve().parent.parent
OURS, SAMPLER, BASE, RANDOM = "autoact", "FunctionSpaceSampler", "TPE, best trial", "random, best trial"
PAIRED_BASE = "TPE, best trial, one seed"
ORACLE = "oracle: best mean of n"
REPEATS = (1, 2, 3, 4, 5, 6, 8, 10)  # n of the oracle, who knows afterwards which one was best
BAR_COST = 20.0  # at which ingredients are compared and the bar stands
BAR, MISLED_BAR = 0.65, 1.1  # ratios of medians: to TPE's, and to random search's where distance misleads
HALF, TENTH = "half of the noise", "a tenth of the noise"  # which no search can have: what the noise costs
MIXTURE = "uniform softmax / projection"  # what a run trains
DISTANCE = frozenset({"smooth", "smooth interactions"})
INTERACTIONS = frozenset({"smooth interactions", "free interactions"})
SYNTHETIC = ("adversarial", "additive", "planted")
DRAWN = {  # color and width of lines
    RANDOM: ("0.65", 1.2),
    BASE: ("tab:orange", 1.4),
    ORACLE: ("tab:green", 1.2),
    SAMPLER: ("tab:cyan", 1.4),
    OURS: ("tab:blue", 2.2),
}
Results = dict[str, dict[str, Regrets]]  # by table and strategy


@dataclass(frozen=True, slots=True)
class Row:
    """A strategy, and where it plays.

    Attributes:
        play: Gives its regrets: (table, costs, repetitions, executor).
        once: Whether it is asked at one cost only, and plays half of the games.
        stored: Whether it has a meaning on stored tables only, which have priors and paired seeds.
    """

    play: Callable[[TableOf, Sequence[float], int, Executor | None], Regrets]
    once: bool = False
    stored: bool = False


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    costs = [float(cost) for cost in options.costs.split(",")]
    repetitions = 4 if options.short else options.repetitions
    folders = [Path(options.tables)] + ([Path(options.tables) / "held_out"] if options.held_out else [])
    found = find_tables(folders, synthetic=not options.without_synthetic)
    if not found:
        print(f"{options.tables} holds no .npz table and synthetic ones are left out.", file=sys.stderr)
        return 2
    results: Results = {name: known(options.json).get(name, {}) for name in found}
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
    parser = argparse.ArgumentParser(description="Replay search strategies on tables of trainings.")
    parser.add_argument("--tables", default=str(ROOT / "docs" / "benchmarks" / "tables"))
    parser.add_argument("--held-out", action="store_true", help="also the tables in the folder's held_out")
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--costs", default="5,10,20,40")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--prior", default=MIXTURE, help="the tables' prior that the search trains")
    parser.add_argument("--without-synthetic", action="store_true")
    parser.add_argument("--short", action="store_true", help="four repetitions: shows that everything runs")
    parser.add_argument("--json", help="where results are kept; those that it holds are not played again")
    parser.add_argument("--markdown")
    parser.add_argument("--figure")
    return parser.parse_args(arguments)


def find_tables(folders: Sequence[Path], synthetic: bool) -> dict[str, TableOf]:
    """Return what gives the table of a repetition, by name; a synthetic one is another problem every time."""
    paths = [path for folder in folders for path in sorted(folder.glob("*.npz"))]
    marks = {path: "held out: " if path.parent.name == "held_out" else "" for path in paths}
    stored = {marks[path] + path.stem: partial(stored_table, str(path)) for path in paths}
    made = {f"synthetic: {name}": partial(synthetic_table, name) for name in SYNTHETIC}
    return {**stored, **(made if synthetic else {})}


@lru_cache(maxsize=4)
def load(path: str) -> tables.SearchTable:
    return tables.SearchTable.load(path)


def stored_table(path: str, repetition: int) -> tables.SearchTable:
    return load(path)


@lru_cache(maxsize=4)
def synthetic_table(name: str, repetition: int) -> tables.SyntheticTable:
    made: tables.SyntheticTable = getattr(tables, name)(repetition)
    return made


def playing(strategy: Strategy) -> Callable[..., Regrets]:
    """Return what replays a strategy."""

    def play(table: TableOf, costs: Sequence[float], repetitions: int, executor: Executor | None) -> Regrets:
        return replay.play(table, strategy, costs, repetitions, executor)

    return play


def oracle(table: TableOf, costs: Sequence[float], repetitions: int, executor: Executor | None) -> Regrets:
    """Play the mean of n random assignments for many n, and keep the one of the best median at each cost."""
    played = [replay.play(table, MeanOf(n), costs, repetitions, executor) for n in REPEATS]
    medians = np.array([np.median(own.values, axis=0) for own in played])  # NaN where n trainings cost more
    best = np.nanargmin(medians, axis=0)
    chosen = [played[n].values[:, place] for place, n in enumerate(best)]
    return Regrets(tuple(costs), np.stack(chosen, axis=1))


def strategies(prior: str) -> dict[str, Row]:
    """Return all strategies by name."""
    return {
        RANDOM: Row(playing(replay.random_search)),
        BASE: Row(playing(replay.tpe)),
        PAIRED_BASE: Row(playing(OneSeed(replay.tpe)), stored=True),
        SAMPLER: Row(playing(replay.function_space)),
        OURS: Row(playing(Rungs(prior=prior))),
        **{f"best mean of {n}": Row(playing(MeanOf(n))) for n in (2, 3)},
        ORACLE: Row(oracle),
        "without mixture": Row(playing(Rungs()), True, True),
        "mixture's scores in the surrogate": Row(playing(Rungs(prior=prior, scores=True)), True, True),
        "with short trainings": Row(playing(Rungs(prior=prior, short=True)), once=True),
        "without distance": Row(playing(Rungs(prior=prior, without=DISTANCE)), once=True),
        "without interactions": Row(playing(Rungs(prior=prior, without=INTERACTIONS)), once=True),
        "best trial, not posterior mean": Row(playing(Rungs(prior=prior, posterior=False)), True, True),
        "a seed for every training": Row(playing(Rungs(prior=prior, seeds=0)), True, True),
        "one seed": Row(playing(Rungs(prior=prior, seeds=1)), True, True),
        "four seeds": Row(playing(Rungs(prior=prior, seeds=4)), True, True),
        HALF: Row(playing(Rungs(prior=prior, repeats=2)), True, True),
        TENTH: Row(playing(Rungs(prior=prior, repeats=10)), True, True),
        "Optuna GP, best trial": Row(playing(replay.gaussian_process), True, True),
    }


def games(found: Mapping[str, TableOf], prior: str) -> Iterator[tuple[str, str, Row]]:
    """Yield table, strategy and its row: what plays at all costs first."""
    for once in (False, True):
        for name, table in found.items():
            measured = isinstance(table(0), tables.SearchTable)
            for strategy, row in strategies(prior).items():
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


def known(path: str | None) -> Results:
    """Read the results that a JSON file holds."""
    if path is None or not Path(path).exists():
        return {}
    stored = json.loads(Path(path).read_text(encoding="utf-8"))
    return {
        table: {
            strategy: Regrets(tuple(map(float, own)), np.array(list(own.values()), dtype=np.float64).T)
            for strategy, own in regrets.items()
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
    changes = [name for name, row in strategies(MIXTURE).items() if row.once and name not in (HALF, TENTH)]
    others = [RANDOM, BASE, PAIRED_BASE, SAMPLER]
    summary = [bars(results), overview(results), added_by(others, results), noise(results)]
    summary.append(added_by(changes, results))
    text = "\n".join([*summary, *(markdown(name, own, costs) for name, own in results.items())])
    print(text)
    if options.markdown:
        Path(options.markdown).write_text(text, encoding="utf-8")
    if options.figure:
        draw(results, DRAWN, (OURS, BASE)).savefig(options.figure, bbox_inches="tight")


def markdown(name: str, regrets: Mapping[str, Regrets], costs: list[float]) -> str:
    """Return all strategies on one table: median (90th percentile) by cost, ratio of medians to TPE's."""
    head = [f"### {name}", "", "| strategy | " + " | ".join(f"{cost:g}" for cost in costs) + " | to TPE |"]
    rows = []
    for strategy in (strategy for strategy in strategies(MIXTURE) if strategy in regrets):
        own = regrets[strategy]
        cells = [shown(own, cost) if cost in own.costs else "" for cost in costs]
        rows.append(f"| {strategy} | " + " | ".join([*cells, ratio([regrets], strategy, BASE)]) + " |")
    return "\n".join([*head, "|---" + "|--:" * (len(costs) + 1) + "|", *rows, ""])


def shown(own: Regrets, cost: float) -> str:
    return f"{own.quantile(cost, 0.5):.2f} ({own.quantile(cost, 0.9):.2f})"


def at_bar(regrets: Mapping[str, Regrets], strategy: str) -> Array:
    """Return regrets where the bar stands, (R,)."""
    own = regrets[strategy]
    return own.at(bar_cost(own))


def bar_cost(own: Regrets) -> float:
    return BAR_COST if BAR_COST in own.costs else own.costs[-1]


def ratio(games: Sequence[Mapping[str, Regrets]], strategy: str, base: str, bar: float = 0.0) -> str:
    """Return the ratio of medians, summed over tables, with its interval; bold if not above a bar."""
    pairs = [(at_bar(own, strategy), at_bar(own, base)) for own in games if {strategy, base} <= set(own)]
    if len(pairs) < len(games) or any(np.isnan(ours).any() for ours, _ in pairs):
        return ""
    found, low, high = replay.ratio_of_medians(
        [ours for ours, _ in pairs], [theirs[: len(ours)] for ours, theirs in pairs]
    )
    return bold(f"{found:.2f}", found <= bar) + f" [{low:.2f}, {high:.2f}]"


def bold(text: str, met: bool) -> str:
    return f"**{text}**" if met else text


def groups(results: Results) -> dict[str, list[str]]:
    """Return which tables are looked at together: those of development, those held out, and each."""
    stored = [name for name in results if not name.startswith("synthetic")]
    made = {
        "**of development**": [name for name in stored if not name.startswith("held out")],
        "**held out**": [name for name in stored if name.startswith("held out")],
    }
    return {name: own for name, own in made.items() if own} | {name: [name] for name in results}


def bars(results: Results) -> str:
    """Return what the bars are about, bold where met: a ratio of medians, and a 90th percentile."""
    lines = [
        f"| table | {OURS} to TPE | 90 % | TPE's median | {OURS} to TPE, one seed | {SAMPLER} to TPE | 90 % "
        f"| oracle to TPE | {OURS} to random |",
        "|---" + "|--:" * 8 + "|",
    ]
    for name, members in groups(results).items():
        games = [results[member] for member in members]
        high = {strategy: "" for strategy in (OURS, SAMPLER)}
        median = ""
        if name in results:
            theirs = float(np.median(at_bar(games[0], BASE)))
            median = f"{theirs:.2f}"
            for strategy in high:
                own = float(np.quantile(at_bar(games[0], strategy), 0.9))
                high[strategy] = bold(f"{own:.2f}", own <= theirs)
        limit = MISLED_BAR if "adversarial" in name else 0.0
        cells = [name, ratio(games, OURS, BASE, BAR), high[OURS], median, ratio(games, OURS, PAIRED_BASE)]
        cells += [ratio(games, SAMPLER, BASE, BAR), high[SAMPLER], ratio(games, ORACLE, BASE)]
        lines.append("| " + " | ".join([*cells, ratio(games, OURS, RANDOM, limit)]) + " |")
    return "\n".join([*lines, ""])


def noise(results: Results) -> str:
    """Return how the bars would stand if trainings were less noisy, bold where they were met."""
    known = {name: own for name, own in results.items() if {OURS, HALF, TENTH, BASE} <= set(own)}
    shown = (OURS, HALF, TENTH)
    columns = [*(f"{name} to TPE" for name in shown), *(f"90 %: {name}" for name in shown), "TPE's median"]
    lines = ["| table | " + " | ".join(columns) + " |", "|---" + "|--:" * len(columns) + "|"]
    for name, members in groups(known).items():
        games = [known[member] for member in members]
        cells = [ratio(games, strategy, BASE, BAR) for strategy in shown]
        if name in known:
            theirs = float(np.median(at_bar(games[0], BASE)))
            high = [float(np.quantile(at_bar(games[0], strategy), 0.9)) for strategy in shown]
            cells += [*(bold(f"{own:.2f}", own <= theirs) for own in high), f"{theirs:.2f}"]
        lines.append(f"| {name} | " + " | ".join(cells + [""] * (len(columns) - len(cells))) + " |")
    return "\n".join([*lines, ""])


def added_by(changes: Sequence[str], results: Results) -> str:
    """Return what other strategies add to the mean regret of the search: with a paired 95 % interval."""
    lines = ["| table | " + " | ".join(changes) + " |", "|---" + "|--:" * len(changes) + "|"]
    for name, members in groups(results).items():
        cells = [added([results[member] for member in members], change) for change in changes]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def overview(results: Results) -> str:
    """Return median (90th percentile) where the bar stands, of what plays at all costs."""
    chosen = [name for name, row in strategies(MIXTURE).items() if not row.once]
    lines = ["| table | " + " | ".join(chosen) + " |", "|---" + "|--:" * len(chosen) + "|"]
    for name, regrets in results.items():
        cells = [shown(own, bar_cost(own)) if (own := regrets.get(strategy)) else "" for strategy in chosen]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def added(games: Sequence[Mapping[str, Regrets]], change: str) -> str:
    """Return the mean over tables of the difference in mean regret to the search."""
    if not all(change in own for own in games):
        return ""
    pairs = [(at_bar(own, change), at_bar(own, OURS)) for own in games]
    found, low, high = replay.mean_difference([own - ours[: len(own)] for own, ours in pairs])
    return f"{found:+.2f} [{low:+.2f}, {high:+.2f}]"


if __name__ == "__main__":
    sys.exit(main())
