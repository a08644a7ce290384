"""Two goals on tables of trainings: the front of value and latency that a number of trainings finds.

    python scripts/benchmarks/goals/pareto.py [--tables DIR] [--held-out] [--repetitions 40]
        [--trainings 20,40] [--strategies NAMES] [--workers 2] [--control 0] [--short] [--json FILE]

The cost of an assignment is the sum of what its activations take, measured here on tensors of 1024 x 32 and
kept in the JSON file. Values are regrets (0 is the best assignment of a table, 1 the median one), costs are
shares of the range of the table. What is found is measured by the truth of the table, as a share of what can
be had:

    area          hypervolume under the true values of the models that are recommended (reference: regret 1
                  and the highest cost)
    as believed   the same, but within each budget of cost the model counts that is believed to be best
    best          regret of the model that is believed to be best at any cost

All play the same games. `--control N` compares N pairs of identical models by the latency of whole models, as
a search does at its end: how often a difference is claimed where there is none.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import optuna
import torch
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from autoact.latency import in_turns
from autoact.nn import module_for
from autoact.search.goals._whole_models import difference, timed
from autoact.search.optimizer import FunctionSpaceSampler
from autoact.spaces import Choice
from autoact.training import ForwardPasses
from scripts import terminal
from scripts.benchmarks import search
from scripts.benchmarks.replay import Game, TableOf, mean_difference, uniform_assignments
from scripts.benchmarks.tables import Landscape, SearchTable

MEASURES = ("area", "as believed", "best")
ROWS, WIDTH = 1024, 32
SEEDS = 3  # that trainings take in turn, as in a search
Costs = Mapping[str, float]  # by activation
Point = tuple[float, float]  # cost as a share of the range, true regret


@dataclass(frozen=True, slots=True)
class Strategy:
    """A sampler, and what it recommends.

    Attributes:
        sampler: Makes it for a game.
        goals: Of its study.
        believes: Whether the front of posterior means is recommended; else that of single trainings.
    """

    sampler: Callable[[Game, Mapping[str, Costs]], optuna.samplers.BaseSampler]
    goals: int = 2
    believes: bool = False


def _ours(game: Game, costs: Mapping[str, Costs], *, goals: int = 2) -> FunctionSpaceSampler:
    uniform = [dict(zip(game.table.layers, names, strict=True)) for names in uniform_assignments(game.table)]
    known = costs if goals == 2 else None
    return FunctionSpaceSampler(seed=game.seed, seeds=SEEDS, candidates=uniform, costs=known)


def _random(game: Game, costs: Mapping[str, Costs]) -> optuna.samplers.BaseSampler:
    return optuna.samplers.RandomSampler(seed=game.seed)


def _genetic(game: Game, costs: Mapping[str, Costs]) -> optuna.samplers.BaseSampler:
    return optuna.samplers.NSGAIISampler(seed=game.seed, population_size=10)


def _tpe(game: Game, costs: Mapping[str, Costs]) -> optuna.samplers.BaseSampler:
    return optuna.samplers.TPESampler(seed=game.seed)


TWO, ONE = "two goals", "one goal, by-product"
STRATEGIES: Mapping[str, Strategy] = {
    TWO: Strategy(_ours, believes=True),
    ONE: Strategy(partial(_ours, goals=1), goals=1, believes=True),
    "TPE": Strategy(_tpe),
    "NSGA-II, population of 10": Strategy(_genetic),
    "random": Strategy(_random),
    "TPE, posterior means": Strategy(_tpe, believes=True),
    "random, posterior means": Strategy(_random, believes=True),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Play what is missing, and print means and paired differences; 2 if there is nothing to play on."""
    options = parse(arguments)
    if not (tables := search.asked_for(options)):
        return 2
    numbers = [4] if options.short else [int(number) for number in options.trainings.split(",")]
    repetitions = 2 if options.short else options.repetitions
    wanted = {title: STRATEGIES[title] for title in options.strategies.split(";")}
    kept = known(options.json)
    missing = [name for name in activations(tables) if name not in kept["costs"]]
    kept["costs"] |= measured(missing, seconds=0.1 if options.short else 10.0)
    with search.processes(options.workers) as executor:
        for name, table in tables.items():
            own = kept["games"].setdefault(name, {})
            for title, strategy in wanted.items():
                if title not in own or len(own[title]) < repetitions:
                    own[title] = played(table, strategy, kept["costs"], numbers, repetitions, executor)
                    print(f"{name}: {title}", file=sys.stderr, flush=True)
            if options.json:
                Path(options.json).write_text(json.dumps(kept), encoding="utf-8")
    games = {name: kept["games"][name] for name in tables}
    for place, number in enumerate(numbers):
        print(summary(games, place, number), end="\n\n")
    print(by_table(games, len(numbers) - 1, numbers[-1]))
    if options.control:
        print(f"\n{control(options.control)}")
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = search.replay_parser(__doc__, "two games of four trainings: shows that it runs", repetitions=40)
    parser.add_argument("--trainings", default="20,40", help="numbers of trainings at which fronts are read")
    parser.add_argument("--strategies", default=";".join(STRATEGIES), help="what plays, separated by ;")
    parser.add_argument("--control", type=int, default=0, help="pairs of identical models to compare")
    return parser.parse_args(arguments)


def known(path: str | None) -> dict[str, Any]:
    """Return what the JSON file holds."""
    if path is None or not Path(path).exists():
        return {"about": terminal.machine(), "costs": {}, "games": {}}
    return dict(json.loads(Path(path).read_text(encoding="utf-8")))


def activations(tables: Mapping[str, TableOf]) -> list[str]:
    """Return every activation of some tables, sorted."""
    return sorted({name for table in tables.values() for names in table(0).candidates for name in names})


def measured(names: Sequence[str], seconds: float) -> dict[str, float]:
    """Return microseconds of a forward pass of each activation, all in turns: the least of all rounds."""
    x = torch.randn(ROWS, WIDTH, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        times = in_turns({name: partial(module_for(Choice(name)), x) for name in names}, seconds)
    return {name: round(1e6 * min(own), 3) for name, own in times.items()}


def played(
    table: TableOf,
    strategy: Strategy,
    costs: Costs,
    numbers: Sequence[int],
    repetitions: int,
    executor: Executor | None,
) -> list[list[list[float]]]:
    """Return the measures by game and number of trainings, (R, N, 3)."""
    one = partial(play, table, strategy, costs, tuple(numbers))
    games = range(repetitions)
    return list(map(one, games) if executor is None else executor.map(one, games))


def play(
    table: TableOf,
    strategy: Strategy,
    costs: Costs,
    numbers: Sequence[int],
    repetition: int,
) -> list[list[float]]:
    """Play one game; return the measures at some numbers of trainings, (N, 3)."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    problem = cast(SearchTable, table(repetition))
    game = Game(problem, repetition, paired=True)
    layers = list(zip(problem.layers, problem.candidates, strict=True))
    by_layer = {layer: {n: costs[n] for n in own} for layer, own in layers}
    sampler = strategy.sampler(game, by_layer)
    small, large = StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE
    directions = [small if problem.mode == "min" else large, small]
    study = optuna.create_study(directions=directions[: strategy.goals], sampler=sampler)
    seeds, found = FunctionSpaceSampler(seed=game.seed, seeds=SEEDS), []
    most, best = highest(problem, costs), possible(problem, costs)
    for number in range(1, max(numbers) + 1):
        trial = study.ask()
        names = tuple(str(trial.suggest_categorical(layer, list(own))) for layer, own in layers)
        seed = seeds.next_seed(study, trial)
        trial.set_user_attr("seed", seed)
        told = [game.value(game.index(names), seed), sum(costs[name] for name in names)]
        if np.isfinite(told[0]):
            study.tell(trial, told[: strategy.goals])
        else:
            study.tell(trial, state=TrialState.FAIL)
        if number in numbers:
            chosen = recommended(study, strategy, game, by_layer, directions)
            points = [(share(names_of(problem, t), costs, most), regret(game, t)) for t in chosen]
            own = [area(points) / best, as_believed(points) / best, points[-1][1] if points else 1.0]
            found.append([round(value, 3) for value in own])
    return found


def recommended(
    study: optuna.Study,
    strategy: Strategy,
    game: Game,
    costs: Mapping[str, Costs],
    directions: Sequence[StudyDirection],
) -> list[FrozenTrial]:
    """Return the front that a strategy recommends, the cheapest first."""
    both = optuna.create_study(directions=directions)
    for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        cost = sum(costs[layer][name] for layer, name in trial.params.items())
        both.add_trial(
            optuna.trial.create_trial(
                values=[trial.values[0], cost],
                params=trial.params,
                distributions=trial.distributions,
                user_attrs=trial.user_attrs,
            )
        )
    if not both.trials:
        return []
    if strategy.believes:
        return _ours(game, costs).best_trials(both)
    return sorted(both.best_trials, key=lambda trial: trial.values[1])


def names_of(table: Landscape, trial: FrozenTrial) -> list[str]:
    """Return the activations of a trial, in the order of the table."""
    return [trial.params[layer] for layer in table.layers]


def regret(game: Game, trial: FrozenTrial) -> float:
    """Return the true regret of a trial's assignment."""
    return float(game.table.regret(game.index(tuple(names_of(game.table, trial)))))


def highest(table: SearchTable, costs: Costs) -> tuple[float, float]:
    """Return the lowest and the highest cost of a table."""
    own = [[costs[name] for name in names] for names in table.candidates]
    return sum(map(min, own)), sum(map(max, own))


def share(names: Sequence[str], costs: Costs, ends: tuple[float, float]) -> float:
    """Return the cost of an assignment as a share of the range."""
    return (sum(costs[name] for name in names) - ends[0]) / (ends[1] - ends[0])


def area(points: Sequence[Point]) -> float:
    """Return the hypervolume under some points: above regret 1 and at the highest cost there is none.

    Example:
        >>> area([(0.0, 0.5), (0.5, 0.0), (0.75, 0.25)])
        0.75
    """
    ordered = sorted(points)
    best = np.minimum.accumulate([value for _, value in ordered]) if ordered else np.empty(0)
    return _steps([(cost, value) for (cost, _), value in zip(ordered, best.tolist(), strict=True)])


def as_believed(points: Sequence[Point]) -> float:
    """Return the same where the dearest point within each budget counts, as good as it is.

    Example:
        >>> as_believed([(0.0, 0.5), (0.5, 0.0), (0.75, 0.25)])
        0.6875
    """
    return _steps(sorted(points, key=lambda point: point[0]))


def _steps(points: Sequence[Point]) -> float:
    ends = [*(cost for cost, _ in points[1:]), 1.0][: len(points)]
    return sum(max(1 - value, 0.0) * (end - cost) for (cost, value), end in zip(points, ends, strict=True))


def possible(table: SearchTable, costs: Costs) -> float:
    """Return the area under the true front of a table."""
    ends = highest(table, costs)
    return area(
        [
            (
                share([own[i] for own, i in zip(table.candidates, index, strict=True)], costs, ends),
                float(value),
            )
            for index, value in np.ndenumerate(table.regrets)
        ]
    )


def summary(games: Mapping[str, Any], place: int, number: int) -> str:
    """Return means over tables, and what each strategy has more than the search for two goals."""
    rows = []
    for title in next(iter(games.values())):
        means = [
            np.mean([values(own, title, place)[:, m].mean() for own in games.values()]) for m in (0, 1, 2)
        ]
        rows.append([title, *(f"{mean:.3f}" for mean in means), *_against(games, title, place)])
    head = [f"{number} trainings", *MEASURES, *(f"{measure}, to two goals" for measure in MEASURES)]
    return terminal.markdown(head, rows)


def _against(games: Mapping[str, Any], title: str, place: int) -> Iterator[str]:
    for measure in range(len(MEASURES)):
        if any(TWO not in own for own in games.values()):
            yield ""
            continue
        pairs = [(values(own, title, place), values(own, TWO, place)) for own in games.values()]
        more = [(theirs - ours[: len(theirs)])[:, measure] for theirs, ours in pairs]
        found, low, high = mean_difference(more)
        yield "" if title == TWO else f"{found:+.3f} [{low:+.3f}, {high:+.3f}]"


def by_table(games: Mapping[str, Any], place: int, number: int) -> str:
    """Return the mean area as believed by table."""
    rows = [
        [name, *(f"{values(own, title, place)[:, 1].mean():.2f}" for title in own)]
        for name, own in games.items()
    ]
    titles = next(iter(games.values()))
    return terminal.markdown([f"as believed, {number} trainings", *titles], rows)


def values(own: Mapping[str, Any], title: str, place: int) -> np.ndarray:
    """Return the measures of a strategy's games at one number of trainings, (R, 3)."""
    return np.array(own[title], dtype=np.float64)[:, place]


def control(pairs: int) -> str:
    """Return how often the latency of a model is told from that of its copy, at 95 %."""
    passes = ForwardPasses({"max_epochs": 1, "accelerator": "cpu"})
    x, claims = torch.randn(64, 64, generator=torch.Generator().manual_seed(0)), 0
    for _ in range(pairs):
        one, same = ([torch.nn.Linear(64, 64), torch.nn.ReLU()] * 3 for _ in range(2))
        blocks = timed([torch.nn.Sequential(*one), torch.nn.Sequential(*same)], x, passes)
        ours, theirs = zip(*blocks, strict=True)
        claims += difference(ours, theirs, 0.95).found in ("lower", "higher")
    return f"Of {pairs} pairs of identical models {claims} were told apart at 95 %."


if __name__ == "__main__":
    sys.exit(main())
