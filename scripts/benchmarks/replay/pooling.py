"""Baselines in the pool: what it is worth that the search sees the trainings of the uniform assignments.

    python scripts/benchmarks/replay/pooling.py [--tables DIR] [--held-out] [--repetitions 40] [--workers 2]
        [--strategies NAMES] [--short] [--json FILE]

All strategies cost the same before the confirmation, or less: 20 full trainings, and every uniform assignment
and the choice on three seeds. *unseen*: these come after the search, which recommends with them what it
believes to be best. *pooled*: the uniform assignments are trained on the seeds of the search and told to the
sampler, first or after some trials; what is left over are trials. *raced*, as a run does: after ten trials
all are trained on one seed and the better half on a second, trials take three seeds in turn, and finalists
are trained on three seeds of the selection; *no finalists*: trials instead, on four seeds in turn, and the
better half on a third seed as well. TPE and the search before its selection are read from
search.json; what the JSON file holds is not played again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from autoact.search.setup._counts import race
from scripts import terminal
from scripts.benchmarks import search
from scripts.benchmarks.replay import (
    BASE,
    MIXTURE,
    OURS,
    Game,
    Picks,
    Regrets,
    Results,
    Row,
    Search,
    Strategy,
    TableOf,
    groups,
    median_difference,
    playing,
    ratio,
    tpe,
    uniform_assignments,
)

SEEDS = 3  # of the selection, in a run
BUDGET = 20.0
SEARCHED = terminal.ROOT / "docs" / "benchmarks" / "search.json"
SELECTED = "unseen"
UNSELECTED = "raced, no finalists"
POOLED = "pooled, {} each"
FIRST = 10
AFTER = f", after {FIRST} trials"
RACED = "raced"
RACE = Search(prior=MIXTURE, baselines=2, first=FIRST, raced=True, selection=SEEDS, seeds=3)
UNIFORM = "best uniform: "


def best_uniform(game: Game, costs: Sequence[float]) -> Picks:
    """Recommend the uniform assignment with the best mean over the seeds of the selection."""
    paired, sign = Game(game.table, game.seed, paired=True), 1.0 if game.table.mode == "min" else -1.0
    indices = [game.index(names) for names in uniform_assignments(game.table)]
    means = [sign * np.mean([paired.value(index, run) for run in range(SEEDS)]) for index in indices]
    return dict.fromkeys(costs, indices[int(np.nanargmin(means))])


STRATEGIES: Mapping[str, Strategy] = {
    BASE: tpe,
    OURS: Search(prior=MIXTURE),
    POOLED.format(1): Search(prior=MIXTURE, baselines=1),
    POOLED.format(1) + AFTER: Search(prior=MIXTURE, baselines=1, first=FIRST),
    RACED: RACE,
    UNSELECTED: Search(prior=MIXTURE, baselines=3, first=FIRST, raced=True, seeds=4),
    SELECTED: Search(prior=MIXTURE, selection=SEEDS),
    UNIFORM + SELECTED: best_uniform,
    UNIFORM + RACED: replace(RACE, uniform=True),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Play what is missing, and print medians and differences; 2 if there is nothing to play on."""
    options = parse(arguments)
    if not (tables := search.asked_for(options)):
        return 2
    repetitions = 2 if options.short else options.repetitions
    results = known(options.json, tables, repetitions)
    with search.processes(options.workers) as executor:
        for strategy, play in STRATEGIES.items():
            if options.strategies and strategy not in options.strategies.split(";"):
                continue
            for name, table in tables.items():
                named = (name, strategy, Row(playing(play)))
                search.run(results[name], table, named, [cost(strategy, table)], repetitions, executor)
                if options.json:
                    played = {**search.known(options.json), **results}  # of other tables as well
                    Path(options.json).write_text(search.as_json(played), encoding="utf-8")
    print(medians(results), together(results), sep="\n\n")
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = search.replay_parser(__doc__, "two repetitions: shows that it runs", repetitions=40)
    parser.add_argument("--strategies", help="some of them, separated by semicolons")
    return parser.parse_args(arguments)


def known(path: str | None, tables: Mapping[str, TableOf], repetitions: int) -> Results:
    """Return what has been played: in the JSON file, and what does not pool by `search.py`."""
    kept, before = search.known(path), search.known(str(SEARCHED))
    results = {name: dict(kept.get(name, {})) for name in tables}
    for name, strategies in results.items():
        for strategy in (BASE, OURS):
            if strategy in (own := before.get(name, {})):
                values = own[strategy].at(BUDGET)[:repetitions, None]
                strategies.setdefault(strategy, Regrets((BUDGET,), values))
    return results


def cost(strategy: str, table: TableOf) -> float:
    """Return what a strategy may cost, with all that it trains before it recommends."""
    uniform = len(uniform_assignments(table(0)))
    if strategy in (RACED, UNIFORM + RACED):
        better, finalists = race(uniform, SEEDS)
        return BUDGET + uniform + better + finalists * SEEDS
    return BUDGET + SEEDS * (uniform + 1) if "pooled" in strategy or strategy == UNSELECTED else BUDGET


def medians(results: Results) -> str:
    """Return median regrets by table, mean in parentheses, and what a pool adds to the median."""
    rows = [[name, *(cell(own, strategy) for strategy in STRATEGIES)] for name, own in results.items()]
    return terminal.markdown(["table", *STRATEGIES], rows)


def together(results: Results) -> str:
    """Return sums over tables, of medians and of 90th percentiles, to TPE's median: of groups, and of all."""
    stored = groups(results)
    sums = {name: own for name, own in stored.items() if name.startswith("**")}
    sums["**all**"] = [name for own in sums.values() for name in own]
    rows = []
    for label, names in sums.items():
        games = [results[name] for name in names]
        row = [label]
        for strategy in (SELECTED, RACED, UNSELECTED):
            row += [ratio(games, strategy, BASE), to_median(games, strategy)]
        rows.append(row)
    heads = [f"{name}{of}" for name in (SELECTED, RACED, UNSELECTED) for of in ("", ": 90 %")]
    return terminal.markdown(["sums to TPE's median", *heads], rows)


def to_median(games: Sequence[Mapping[str, Regrets]], strategy: str) -> str:
    """Return the sum of 90th percentiles over TPE's of medians."""
    if not all({strategy, BASE} <= set(own) for own in games):
        return ""
    above, below = (
        sum(np.quantile(own[name].values[:, -1], share) for own in games)
        for name, share in ((strategy, 0.9), (BASE, 0.5))
    )
    return f"{above / below:.2f}"


def cell(own: Mapping[str, Regrets], strategy: str) -> str:
    """Return the median and mean of a strategy, and the paired difference of medians to what is unseen."""
    base = UNIFORM + SELECTED if strategy.startswith(UNIFORM) else SELECTED
    if strategy not in own or base not in own:
        return ""
    values = own[strategy].values[:, 0]
    text = f"{np.median(values):.2f} ({values.mean():.2f})"
    if strategy in (BASE, OURS, base):
        return text
    found, low, high = median_difference(values, own[base].values[: len(values), 0])
    return f"{text}, {found:+.2f} [{low:+.2f}, {high:+.2f}]"


if __name__ == "__main__":
    sys.exit(main())
