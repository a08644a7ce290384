"""Hyperparameters in the surrogate: a table of activations and learning rates, trained and then searched.

    python scripts/benchmarks/learning_rates.py [--seeds 6] [--repetitions 100] [--costs 20,40] [--short]
        [--table FILE]

Every assignment of 4 activations to 3 layers at each of 7 learning rates, on scikit-learn's digits, with
several seeds; the table is kept in FILE (default: docs/benchmarks/learning_rates.npz) and trained only
where it is missing. Then searches that vary activations and rate together are replayed on it. Regret 0 is the
best pair of assignment and rate, 1 the median pair; sums of regrets are paired by game.
"""

import argparse
import itertools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import numpy as np
import optuna
import torch
from numpy.typing import NDArray

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from autoact.search import FunctionSpaceSampler
from autoact.search.optimizer import _gaussian_process as process
from scripts import terminal
from scripts.benchmarks.networks import train_stack
from scripts.benchmarks.tables.tasks import TASKS

NAMES = ("relu", "gelu", "tanh", "sin")
RATES = tuple(float(rate) for rate in np.geomspace(3e-4, 3e-1, 7))
FILE = Path(__file__).parents[2] / "docs/benchmarks/learning_rates.npz"
DEPTH = 3
Array = NDArray[np.float64]
Pick = tuple[int, int]  # numbers of assignment and rate


@dataclass(frozen=True)
class Table:
    """Losses by seed, assignment and rate, (S, A, R); one that diverged is NaN."""

    losses: Array

    @property
    def regrets(self) -> Array:
        """True regrets, (A, R): a training that diverged counts as the worst loss there is."""
        truth = np.where(np.isnan(self.losses), np.nanmax(self.losses), self.losses).mean(axis=0)
        return np.asarray((truth - truth.min()) / (np.median(truth) - truth.min()))


def assignments() -> list[tuple[str, ...]]:
    """Return all of them, the last layer running fastest."""
    return list(itertools.product(NAMES, repeat=DEPTH))


def trained(seeds: int, rates: Sequence[float], epochs: int | None) -> Table:
    """Train everything."""
    task = TASKS["digits"]
    regime = task.regime if epochs is None else replace(task.regime, epochs=epochs, measured=(epochs,))
    rows, losses = task.load(Path()), []
    for seed in range(seeds):
        for rate in rates:
            found = train_stack(task.sizes, assignments(), seed, rows, replace(regime, lr=rate))
            losses.append(found.selection[:, -1].numpy())
            print(f"seed {seed}, rate {rate:.2g}", file=sys.stderr, flush=True)
    shape = (seeds, len(rates), len(assignments()))
    values = np.array(losses, dtype=np.float64).reshape(shape).transpose(0, 2, 1)
    return Table(np.where(np.isfinite(values) & (values < 1e3), values, np.nan))


Recommend = Callable[[optuna.Study], optuna.trial.FrozenTrial]


def played(
    table: Table, sampler: optuna.samplers.BaseSampler, recommend: Recommend, costs: Sequence[int], game: int
) -> list[float]:
    """Return the true regret of what a study recommends after each cost."""
    study = optuna.create_study(sampler=sampler)
    seeds = FunctionSpaceSampler(seed=game)
    order = np.random.default_rng(game).permutation(len(table.losses))
    rates, every = RATES[: table.losses.shape[2]], assignments()
    regrets = []
    for done in range(1, max(costs) + 1):
        trial = study.ask()
        names = tuple(trial.suggest_categorical(f"layer{i}", NAMES) for i in range(DEPTH))
        rate = trial.suggest_float("rate", rates[0], rates[-1], log=True)
        number = seeds.next_seed(study, trial)
        trial.set_user_attr("seed", number)
        value = table.losses[order[number % len(order)]][indices(every.index(names), rate, rates)]
        if np.isfinite(value):
            study.tell(trial, float(value))
        else:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        if done in costs:
            best = recommend(study)
            names = tuple(best.params[f"layer{i}"] for i in range(DEPTH))
            regrets.append(float(table.regrets[indices(every.index(names), best.params["rate"], rates)]))
    return regrets


def indices(assignment: int, rate: float, rates: Sequence[float]) -> Pick:
    """Return the place in a table of an assignment and the nearest rate."""
    return assignment, int(np.argmin(np.abs(np.log(rates) - np.log(rate))))


def strategies(game: int) -> dict[str, tuple[optuna.samplers.BaseSampler, Recommend, frozenset[str]]]:
    """Return sampler, recommendation and terms that are left out of the process, by name."""
    ours, noise = FunctionSpaceSampler(seed=game), FunctionSpaceSampler(seed=game)
    tpe, judged = optuna.samplers.TPESampler(seed=game), FunctionSpaceSampler(seed=game)
    hyper = frozenset({process.HYPER, process.HYPER_LAYERS})
    return {
        "autoact: rate as a term": (ours, ours.best_trial, frozenset()),
        "autoact: rate as noise": (noise, noise.best_trial, hyper),
        "TPE, best posterior mean": (optuna.samplers.TPESampler(seed=game), judged.best_trial, frozenset()),
        "TPE, best trial": (tpe, lambda study: study.best_trial, frozenset()),
    }


def games(table: Table, costs: Sequence[int], repetitions: int) -> dict[str, Array]:
    """Return regrets by strategy, (games, costs)."""
    found: dict[str, list[list[float]]] = {}
    fit = process.GaussianProcess.fit
    for game in range(repetitions):
        for name, (sampler, recommend, without) in strategies(game).items():
            terms = {term: value for term, value in process.EXPECTED.items() if term not in without}

            def fitted(kernel: object, seen: object, terms: dict[str, float] = terms) -> object:
                return fit(kernel, seen, terms)  # type: ignore[arg-type]

            with mock.patch.object(process.GaussianProcess, "fit", fitted):
                found.setdefault(name, []).append(played(table, sampler, recommend, costs, game))
    return {name: np.array(rows) for name, rows in found.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the table where it is missing, play, and print the regrets."""
    options = parsed(arguments)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    torch.set_num_threads(1)
    if options.table.exists():
        table = Table(np.load(options.table)["losses"].astype(np.float64))
    else:
        table = trained(options.seeds, RATES[:: 3 if options.short else 1], 2 if options.short else None)
        np.savez_compressed(options.table, losses=table.losses.astype(np.float32))
    costs = [int(cost) for cost in options.costs.split(",")]
    found = games(table, costs, options.repetitions)
    print(f"{len(table.losses)} seeds, {len(assignments())} assignments, {table.losses.shape[2]} rates")
    header = " | ".join(f"{cost}: median, mean, against the first" for cost in costs)
    print(f"| {options.repetitions} games | {header} |\n|---|{'---|' * len(costs)}")
    first = next(iter(found.values()))
    for name, regrets in found.items():
        cells = [
            f"{np.median(own):.3f}, {own.mean():.3f}, {difference(own - other)}"
            for own, other in zip(regrets.T, first.T, strict=True)
        ]
        print(f"| {name} | {' | '.join(cells)} |")


def difference(values: Array) -> str:
    """Return a mean with its 95 % interval over games."""
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return f"{values.mean():+.3f} ± {half:.3f}"


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = terminal.parser(__doc__, short="3 rates, 2 epochs and 2 games, to try the script")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--costs", default="20,40")
    parser.add_argument("--table", type=Path, default=FILE)
    options = parser.parse_args(arguments)
    if options.short:
        options.seeds, options.repetitions, options.costs = 2, 2, "6"
    return options


if __name__ == "__main__":
    main()
