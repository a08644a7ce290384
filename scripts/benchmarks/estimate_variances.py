"""Estimate what a search should expect of a new problem: the variances that fit tables of trainings.

    python scripts/benchmarks/estimate_variances.py [--tables DIR] [--trainings 120] [--draws 4]
        [--rounds 2] [--short]

A Gaussian process is fitted to random trainings of each table, with four seeds; the geometric means over
tables are what the second round expects, and the first expects the same of all. That is no fixed point: with
more rounds what hardly matters goes on moving. Run and noise, which whole trainings cannot tell apart, are
equal parts of one sum. Variances of short trainings come from a third as many trainings with all their
fractions. Prints a table of the last round: `EXPECTED` holds the geometric means.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from autoact.search.optimizer._gaussian_process import EXPECTED, HYPER, HYPER_LAYERS, GaussianProcess
from autoact.search.optimizer._kernel import Array, kernel_of
from autoact.search.optimizer._observations import Observations
from scripts import terminal
from scripts.benchmarks.tables import SearchTable

SEEDS = 4
START = 0.2  # what the first round expects of each
SHORT = ("short", "short interactions")
UNSEEN = {HYPER, HYPER_LAYERS}  # no table has hyperparameters


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit all tables in rounds, and print what the last one found."""
    options = parse(arguments)
    tables = [SearchTable.load(path) for path in sorted(options.tables.glob("*.npz"))]
    expected = {name: START for name in EXPECTED if name not in UNSEEN}
    logs: Array = np.empty((0, 0))
    for _ in range(options.rounds):
        fits = [fitted(table, expected, options.trainings, options.draws) for table in tables]
        logs = np.log([[fit[name] for name in expected] for fit in fits])
        expected = dict(zip(expected, np.exp(logs.mean(axis=0)).tolist(), strict=True))
    rows = [
        (name, *(f"{cell:.2f}" for cell in (expected[name], row.std(), *np.exp(row))))
        for name, row in zip(expected, logs.T, strict=True)
    ]
    columns = ("variance", "geometric mean", "s.d. of the logarithm", *(table.name for table in tables))
    print(terminal.markdown(columns, rows))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = terminal.parser(__doc__, short="one round and draw: shows that it runs", tables=True)
    parser.add_argument("--trainings", type=int, default=120)
    parser.add_argument("--draws", type=int, default=4, help="samples of trainings per table")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args(arguments)
    if options.short:
        options.rounds = options.draws = 1
    return options


def fitted(
    table: SearchTable, expected: Mapping[str, float], trainings: int, draws: int
) -> Mapping[str, float]:
    """Return the geometric means over draws of the variances that fit a table."""
    kernel = kernel_of(table.candidates)
    logs: dict[str, list[float]] = {name: [] for name in expected}
    for draw in range(draws):
        whole = sampled(table, np.random.default_rng([draw, 0]), trainings, table.fractions[-1:])
        curves = sampled(table, np.random.default_rng([draw, 1]), trainings // 3, table.fractions)
        for seen, names in ((whole, expected.keys() - set(SHORT)), (curves, SHORT)):
            variances = GaussianProcess.fit(kernel, seen, expected).covariance.variances
            for name in names:
                logs[name].append(float(np.log(variances[name])))
    return {name: float(np.exp(np.mean(own))) for name, own in logs.items()}


def sampled(
    table: SearchTable, rng: np.random.Generator, trainings: int, fractions: Sequence[float]
) -> Observations:
    """Return random trainings with seeds in turn, each measured at some fractions."""
    sizes = [len(names) for names in table.candidates]
    drawn = rng.integers(sizes, size=(trainings, len(sizes)))
    order = rng.permutation(table.seeds)
    runs = np.repeat(np.arange(trainings), len(fractions))
    rungs = np.tile([table.fractions.index(fraction) for fraction in fractions], trainings)
    sign = 1.0 if table.mode == "min" else -1.0
    values = [
        sign * table.value(tuple(drawn[run].tolist()), int(order[run % SEEDS]), int(rung))
        for run, rung in zip(runs, rungs, strict=True)
    ]
    return Observations(
        assignments=drawn[runs].astype(np.intp),
        fidelities=np.tile(np.array(fractions), trainings),
        hyperparameters=np.empty((len(runs), 0)),
        runs=runs.astype(np.intp),
        values=np.array(values),
        seeds=(runs % SEEDS).astype(np.intp),
    )


if __name__ == "__main__":
    main()
