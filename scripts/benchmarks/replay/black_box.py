"""Black box: `autoact.run_search` on tables, as a user's own function, against TPE on the same tables.

    python scripts/benchmarks/replay/black_box.py [--tables DIR] [--held-out] [--repetitions 20] [--workers 2]
        [--budget 20] [--short] [--json FILE]

The function that is searched looks trainings up in a table; all else is the public interface: trials,
baselines, finalists, their seeds, files and the report. A function has no mixture to train. The regret is
that of what the run chooses, at the cost of everything before its confirmation, as in `pooling.py`. TPE is
read from search.json at a cost of 20; *baselines given*: its study begins with the means of all uniform
assignments over three seeds, and its best trial may be one of them. What the JSON file holds is not played
again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import optuna

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import autoact
from scripts import terminal
from scripts.benchmarks import search
from scripts.benchmarks.replay import (
    BASE,
    Game,
    Picks,
    Results,
    Row,
    best_trial,
    groups,
    new_study,
    picks,
    playing,
    ratio,
    tell_mean,
    uniform_assignments,
)
from scripts.benchmarks.replay.pooling import SEEDS, known, to_median

OWN, GIVEN = "run_search", "TPE, baselines given"


def main(arguments: Sequence[str] | None = None) -> int:
    """Play what is missing, and print medians and sums; 2 if there is nothing to play on."""
    options = parse(arguments)
    if not (tables := search.asked_for(options)):
        return 2
    repetitions = 1 if options.short else options.repetitions
    results = known(options.json, tables, repetitions)
    with search.processes(options.workers) as executor:
        for name, table in tables.items():
            for strategy, play in ((OWN, run), (GIVEN, tpe_given)):
                named = (name, strategy, Row(playing(play)))
                search.run(results[name], table, named, [options.budget], repetitions, executor)
            if options.json:
                Path(options.json).write_text(search.as_json(results), encoding="utf-8")
    print(medians(results), sums(results), sep="\n\n")
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = search.replay_parser(__doc__, "one game a table: shows that it runs", repetitions=20)
    parser.add_argument("--budget", type=float, default=20.0, help="trials of a run")
    return parser.parse_args(arguments)


def run(game: Game, costs: Sequence[float]) -> Picks:
    """Search a table by the public interface, once for each budget, and return what is chosen.

    Args:
        game: Table and seed.
        costs: Budgets of the search; what baselines and finalists cost comes on top.
    """
    return {cost: chosen(game, round(cost)) for cost in costs}


def tpe_given(game: Game, costs: Sequence[float]) -> Picks:
    """Tell TPE the means of the baselines, then let it search; recommend the best trial."""
    study = new_study(game, optuna.samplers.TPESampler(seed=game.seed))
    paired = Game(game.table, game.seed, paired=True)
    for names in uniform_assignments(game.table):
        tell_mean(study, paired, names, range(SEEDS))
    return picks(game, study, {cost: int(cost) for cost in costs}, best_trial)


def chosen(game: Game, budget: int) -> tuple[int, ...]:
    """Return the candidate numbers of a run's choice."""
    paired, turns = Game(game.table, game.seed, paired=True), dict[int, int]()

    def look_up(assignment: autoact.Assignment, seed: int, fraction: float) -> float:
        """Give what the table has for this training: the n-th seed that is met is the game's n-th."""
        names = tuple(assignment[layer].activation for layer in game.table.layers)
        return paired.value(paired.index(names), turns.setdefault(seed, len(turns)))

    candidates = dict(zip(game.table.layers, game.table.candidates, strict=True))
    with tempfile.TemporaryDirectory() as folder:
        result = autoact.run_search(
            objective=look_up,
            layers=list(candidates),
            space=list(game.table.candidates[0]),
            mode=game.table.mode,
            budget=budget,
            seeds=2,
            looks=(2,),
            seed=game.seed,
            quiet=True,
            out=Path(folder) / "run",
        )
    return game.index(tuple(result.assignment[layer].activation for layer in candidates))


def medians(results: Results) -> str:
    """Return median, mean and 90th percentile of the regret by table, and the medians of both TPEs."""
    rows = []
    for name, own in results.items():
        values = own[OWN].values[:, -1]
        figures = (np.median(values), values.mean(), np.quantile(values, 0.9))
        theirs = [np.median(own[tpe].values[:, -1]) if tpe in own else np.nan for tpe in (BASE, GIVEN)]
        rows.append([name, *(f"{figure:.2f}" for figure in (*figures, *theirs))])
    return terminal.markdown(["table", "median", "mean", "90 %", "TPE's median", GIVEN], rows)


def sums(results: Results) -> str:
    """Return sums over tables: of medians to each TPE's with intervals, of 90th percentiles to TPE's."""
    found = {name: own for name, own in groups(results).items() if name.startswith("**")}
    found["**all**"] = list(results)
    rows = []
    for label, names in found.items():
        games = [results[name] for name in names]
        rows.append([label, ratio(games, OWN, BASE), to_median(games, OWN), ratio(games, OWN, GIVEN)])
    return terminal.markdown(["sums to TPE's median", "ratio", "90 %", f"ratio to {GIVEN}"], rows)


if __name__ == "__main__":
    sys.exit(main())
