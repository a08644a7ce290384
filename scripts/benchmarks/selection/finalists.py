"""Finalists: what a run loses between its trials and its choice, and other ways to spend their trainings.

    python scripts/benchmarks/selection/finalists.py [--tables DIR] [--held-out] [--repetitions 200]
        [--first 0] [--workers 2] [--short] [--json FILE]

Each game is one search without a mixture, 20 trials and the raced baselines, and ends once in every way, at
the same number of trainings. *As a run*: finalists once, each on all seeds of the selection. *Halved*: anew
before every seed by what is then believed of all that was trained, on each seed half of the trainings left; a
third of them, or one, is uniform. What no search can know: *best finalist* of a run, *best trained*.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from optuna.study import Study

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from autoact.search.optimizer import FunctionSpaceSampler
from autoact.search.setup._counts import race
from scripts import terminal
from scripts.benchmarks import search
from scripts.benchmarks.replay import (
    Game,
    Regrets,
    Results,
    TableOf,
    groups,
    mean_difference,
    uniform_assignments,
)
from scripts.benchmarks.replay._search import Search, copied, finalists, ranked
from scripts.benchmarks.replay._study import tell
from scripts.benchmarks.replay.pooling import BUDGET, FIRST, SEEDS

Model = Mapping[str, str]
RUN, BEFORE, FINALIST, TRAINED = "as a run", "before them", "best finalist", "best trained"
HALVED: Mapping[str, Callable[[int], int]] = {
    "halved, a third uniform": lambda count: -(-count // 3),
    "halved, one uniform": lambda count: 1,
}
WAYS = (RUN, *HALVED, BEFORE, FINALIST, TRAINED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched(Search):
    """A search before its finalists, which remembers its sampler and its study."""

    found: list[tuple[FunctionSpaceSampler, Study]] = field(default_factory=list)

    def recommended(self, game: Game, sampler: FunctionSpaceSampler, study: Study) -> Model:
        """Remember both, and return what is recommended before the finalists."""
        self.found.append((sampler, copied(study)))
        return sampler.best_assignment(study)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, and print medians, means and differences; 2 if there is nothing to play on."""
    options = parse(arguments)
    if not (tables := search.asked_for(options)):
        return 2
    games = range(options.first, options.first + (2 if options.short else options.repetitions))
    results: Results = {}
    with search.processes(options.workers) as executor:
        for name, table in tables.items():
            played = (executor.map if executor else map)(partial(regrets, table), games)
            values = np.array(list(played))
            results[name] = {way: Regrets((BUDGET,), values[:, [place]]) for place, way in enumerate(WAYS)}
            if options.json:
                Path(options.json).write_text(search.as_json(results), encoding="utf-8")
    print(shown(results))
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = search.replay_parser(__doc__, "two games: shows that it runs", repetitions=200)
    parser.add_argument("--first", type=int, default=0, help="number of the first game")
    return parser.parse_args(arguments)


def regrets(table: TableOf, number: int) -> list[float]:
    """Play a game, and return the regret of each way."""
    game = Game(table(number), number, paired=True)
    searched = Searched(baselines=2, first=FIRST, raced=True, seeds=SEEDS)
    cost = BUDGET + searched.paid(game)
    before = searched(game, [cost])[cost]
    sampler, study = searched.found[0]
    counts = race(len(uniform_assignments(game.table)), SEEDS)[1]
    models = finalists(sampler, study, uniform_models(game), counts)
    picked = {RUN: after(game, sampler, study, [models] * SEEDS)}
    for way, share in HALVED.items():
        picked[way] = halved(game, sampler, study, halves(counts * SEEDS, SEEDS), share)
    known = {way: regret(game, model) for way, model in picked.items()}
    known[BEFORE] = game.table.regret(before)
    known[FINALIST] = min(regret(game, model) for model in models)
    known[TRAINED] = min(regret(game, model) for model in ranked(sampler, study))
    return [known[way] for way in WAYS]


def uniform_models(game: Game) -> list[Model]:
    """Return the uniform assignments, an activation by layer."""
    return [dict(zip(game.table.layers, names, strict=True)) for names in uniform_assignments(game.table)]


def regret(game: Game, model: Model) -> float:
    """Return the true regret of a model."""
    return game.table.regret(game.index(tuple(model[layer] for layer in game.table.layers)))


def halves(trainings: int, seeds: int) -> list[int]:
    """Return how many trainings each seed gets: half of what is left, rounded up, the last one the rest.

    Example:
        >>> halves(15, 3), halves(9, 3)
        ([8, 4, 3], [5, 2, 2])
    """
    found: list[int] = []
    for later in reversed(range(seeds)):
        left = trainings - sum(found)
        found.append(-(-left // 2) if later else left)
    return found


def halved(
    game: Game,
    sampler: FunctionSpaceSampler,
    study: Study,
    counts: Sequence[int],
    uniform_of: Callable[[int], int],
) -> Model:
    """Return what is believed to be best after finalists that are chosen anew for every seed."""
    found, tried, uniform = copied(study), ranked(sampler, study), uniform_models(game)
    met: list[Model] = []
    for number, count in enumerate(counts):
        order = ranked(sampler, found, tried)
        models = [model for model in order if model in uniform][: uniform_of(count)]
        models += [model for model in order if model not in models][: count - len(models)]
        told(game, found, models, number)
        met += [model for model in models if model not in met]
    return ranked(sampler, found, met)[0]


def after(
    game: Game, sampler: FunctionSpaceSampler, study: Study, models: Sequence[Sequence[Model]]
) -> Model:
    """Return which of the models, by seed of the selection, is believed to be best after all."""
    found = copied(study)
    for number, own in enumerate(models):
        told(game, found, own, number)
    return ranked(sampler, found, models[0])[0]


def told(game: Game, study: Study, models: Sequence[Model], number: int) -> None:
    """Tell a study of models on a seed of the selection, as `Search.recommended` does."""
    for model in models:
        tell(study, game, tuple(model[layer] for layer in game.table.layers), game.table.seeds - 1 - number)


def shown(results: Results) -> str:
    """Return medians (means) by table, and what each way adds to the mean of a run, with its interval."""
    rows = []
    for name, members in groups(results).items():
        row = [name]
        for way in WAYS:
            values = [results[member][way].values[:, 0] for member in members]
            median, mean = sum(np.median(own) for own in values), np.mean([own.mean() for own in values])
            cell = f"{median:.2f} ({mean:.3f})"
            if way in HALVED:
                base = [results[member][RUN].values[:, 0] for member in members]
                found, low, high = mean_difference([a - b for a, b in zip(values, base, strict=True)])
                cell += f", {found:+.3f} [{low:+.3f}, {high:+.3f}]"
            row.append(cell)
        rows.append(row)
    return terminal.markdown(["table", *WAYS], rows)


if __name__ == "__main__":
    sys.exit(main())
