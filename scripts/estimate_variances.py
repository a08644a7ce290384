"""Estimate what a search should expect of a new problem: the variances that fit tables of trainings.

    python scripts/estimate_variances.py [--tables DIR] [--trainings 120] [--draws 4] [--rounds 2] [--short]

The surrogate is fitted to random trainings of each table, with four seeds; the geometric means over tables
are what the second round expects, and the first expects the same of all. That is no fixed point: with more
rounds what hardly matters goes on moving. Training and noise, which whole trainings cannot tell apart, are
equal parts of one sum. Variances of short trainings come from a third as many trainings with all their
fractions. Prints a table of the last round: `surrogate.EXPECTED` holds the geometric means.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from autoact.search.optimizer._gaussian_process import EXPECTED, PRIOR, GaussianProcess
from autoact.search.optimizer._kernel import Array, kernel_of
from autoact.search.optimizer._observations import Observations
from autoact.search.tables import SearchTable

ROOT = Path(__file__).resolve().parent.parent
SEEDS = 4
START = 0.2  # what the first round expects of each
SHORT = ("short", "short interactions")


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    tables = [SearchTable.load(path) for path in sorted(options.tables.glob("*.npz"))]
    expected = {name: START for name in EXPECTED if name != PRIOR}
    logs: Array = np.empty((0, 0))
    for _ in range(options.rounds):
        fits = [fitted(table, expected, options.trainings, options.draws) for table in tables]
        logs = np.log([[fit[name] for name in expected] for fit in fits])
        expected = dict(zip(expected, np.exp(logs.mean(axis=0)).tolist(), strict=True))
    names = " | ".join(table.name for table in tables)
    print(f"| variance | geometric mean | s.d. of the logarithm | {names} |")
    print("|---" * (3 + len(tables)) + "|")
    for name, row in zip(expected, logs.T, strict=True):
        cells = [expected[name], row.std(), *np.exp(row)]
        print(f"| {name} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Estimate the variances that fit tables of trainings.")
    parser.add_argument("--tables", type=Path, default=ROOT / "docs" / "benchmarks" / "tables")
    parser.add_argument("--trainings", type=int, default=120)
    parser.add_argument("--draws", type=int, default=4, help="samples of trainings per table")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--short", action="store_true", help="one round and draw: shows that it runs")
    options = parser.parse_args(arguments)
    if options.short:
        options.rounds = options.draws = 1
    return options


def fitted(
    table: SearchTable, expected: Mapping[str, float], trainings: int, draws: int
) -> Mapping[str, float]:
    """Return the geometric means over draws of the variances that fit a table."""
    similarity = kernel_of(table.candidates)
    logs: dict[str, list[float]] = {name: [] for name in expected}
    for draw in range(draws):
        whole = sampled(table, np.random.default_rng([draw, 0]), trainings, table.fractions[-1:])
        curves = sampled(table, np.random.default_rng([draw, 1]), trainings // 3, table.fractions)
        for seen, names in ((whole, expected.keys() - set(SHORT)), (curves, SHORT)):
            variances = GaussianProcess.fit(similarity, seen, None, expected).covariance.variances
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
        runs=runs.astype(np.intp),
        values=np.array(values),
        seeds=(runs % SEEDS).astype(np.intp),
    )


if __name__ == "__main__":
    main()
