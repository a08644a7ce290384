"""Rounds of trials: what it costs that a stack's trials are asked for before any of them is told.

    python scripts/benchmarks/replay/rounds.py [--tables DIR] [--held-out] [--repetitions 100] [--workers 2]
        [--costs 20,80] [--strategies NAMES] [--short] [--json FILE]

Every strategy is the search of the package, alone or with the raced baselines of `pooling.py` in its pool,
whose cost then comes on top. *4, 8* is a first round of 4 and further ones of 8. What the JSON file holds is
not played again; one trial at a time at a cost of 20 is read from `search.json` and `pooling.json`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from scripts import terminal
from scripts.benchmarks import search
from scripts.benchmarks.replay import MIXTURE, OURS, Regrets, Results, Row, Search, mean_difference, playing
from scripts.benchmarks.replay.pooling import BUDGET, RACE, RACED, SEARCHED
from scripts.benchmarks.replay.pooling import cost as cost_of

ROUNDS = ((1,), (4,), (8,), (16,), (1, 1, 2, 4, 8), (4, 8), (8, 16), (10, 1), (10, 4))
ALONE, POOLED = "search", "raced"
KINDS: Mapping[str, Search] = {ALONE: Search(prior=MIXTURE), POOLED: RACE}


def main(arguments: Sequence[str] | None = None) -> int:
    """Play what is missing, and print means and differences; 2 if there is nothing to play on."""
    options = parse(arguments)
    if not (tables := search.asked_for(options)):
        return 2
    repetitions = 2 if options.short else options.repetitions
    costs = [float(cost) for cost in options.costs.split(",")]
    results = known(options.json, tables)
    wanted = options.strategies.split(";") if options.strategies else None
    with search.processes(options.workers) as executor:
        for cost in costs:
            for rounds in ROUNDS:
                for kind, strategy in KINDS.items():
                    named = title(kind, rounds, cost)
                    if wanted and not any(named.startswith(start) for start in wanted):
                        continue
                    for name, table in tables.items():
                        beside = cost_of(RACED, table) - BUDGET if kind == POOLED else 0.0
                        row = Row(playing(replace(strategy, rounds=rounds)))
                        at = [cost + beside]
                        search.run(results[name], table, (name, named, row), at, repetitions, executor)
                    if options.json:
                        Path(options.json).write_text(search.as_json(results), encoding="utf-8")
    print(differences({name: results[name] for name in tables}, costs))
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = search.replay_parser(__doc__, "two repetitions: shows that it runs", repetitions=100)
    parser.add_argument("--strategies", help="beginnings of the names of some, separated by semicolons")
    parser.add_argument("--costs", default="20,80")
    return parser.parse_args(arguments)


def known(path: str | None, tables: Iterable[str]) -> Results:
    """Return what has been played: in the JSON file, and one trial at a time elsewhere."""
    kept = search.known(path)
    results: Results = {name: {} for name in tables} | kept
    pooled = SEARCHED.with_name("pooling.json")
    for file, played, kind in ((SEARCHED, OURS, ALONE), (pooled, RACED, POOLED)):
        for name, strategies in search.known(str(file)).items():
            if name in results and (own := strategies.get(played)):
                cost = BUDGET if BUDGET in own.costs else own.costs[-1]
                results[name].setdefault(title(kind, (1,), BUDGET), Regrets((cost,), own.at(cost)[:, None]))
    return results


def title(kind: str, rounds: Sequence[int], cost: float) -> str:
    """Return what a strategy is called."""
    return f"{kind}, rounds of {', '.join(map(str, rounds))}, cost {cost:g}"


def differences(results: Results, costs: Sequence[float]) -> str:
    """Return mean regrets by cost and rounds, each with the paired difference to one trial at a time."""
    stored = {"development": [name for name in results if not name.startswith("held out")]}
    stored["held out"] = [name for name in results if name.startswith("held out")]
    groups = {name: members for name, members in stored.items() if members}
    rows = [
        [
            f"{kind}, {cost:g}",
            ", ".join(map(str, rounds)),
            *(cell(results, members, kind, rounds, cost) for members in groups.values()),
        ]
        for cost in costs
        for kind in KINDS
        for rounds in ROUNDS
    ]
    return terminal.markdown(["cost", "rounds of", *groups], [row for row in rows if any(row[2:])])


def cell(results: Results, members: Sequence[str], kind: str, rounds: Sequence[int], cost: float) -> str:
    """Return sum of medians, mean regret, and the mean's difference to 20 trials, one at a time."""
    named, base = title(kind, rounds, cost), title(kind, (1,), BUDGET)
    if not all({named, base} <= set(results[name]) for name in members):
        return ""
    values = [results[name][named].values[:, 0] for name in members]
    median, mean = sum(np.median(own) for own in values), np.mean([own.mean() for own in values])
    pairs = zip(values, (results[name][base].values[:, 0] for name in members), strict=True)
    found, low, high = mean_difference([(own[: len(one)] - one[: len(own)]) for own, one in pairs])
    added = "" if named == base else f", {found:+.3f} [{low:+.3f}, {high:+.3f}]"
    return f"{median:.2f}, {mean:.3f}{added}"


if __name__ == "__main__":
    sys.exit(main())
