"""Rank correlation of the surrogate with the truth of a table, after random trainings of equal total cost.

    python scripts/benchmarks/surrogate.py [--tables DIR] [--draws 30]

Prints, per variant, the mean over tables and draws of Spearman's correlation with the truth and of the
regret of the best posterior mean. Only for tables with the fractions 1/8, 1/4, 1/2 and 1.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from autoact.search.optimizer._gaussian_process import EXPECTED, GaussianProcess
from autoact.search.optimizer._kernel import kernel_of
from autoact.search.optimizer._observations import Observations, Points
from scripts import terminal
from scripts.benchmarks.tables import SearchTable

Design = tuple[tuple[int, int], ...]  # how many trainings, up to which rung
WHOLE: Design = ((20, 3),)
VARIANTS: dict[str, tuple[Design, frozenset[str]]] = {
    "20 whole": (WHOLE, frozenset()),
    "20 whole, without closeness": (WHOLE, frozenset({"smooth", "smooth interactions"})),
    "20 whole, without interactions": (WHOLE, frozenset({"smooth interactions", "free interactions"})),
    "10 whole, 20 to 1/2": (((10, 3), (20, 2)), frozenset()),
    "10 whole, 40 to 1/4": (((10, 3), (40, 1)), frozenset()),
    "10 whole, 80 to 1/8": (((10, 3), (80, 0)), frozenset()),
    "10 whole": (((10, 3),), frozenset()),
}


def main() -> None:
    """Print a row per variant."""
    parser = terminal.parser(__doc__, tables=True)
    parser.add_argument("--draws", type=int, default=30)
    options = parser.parse_args()
    tables = [SearchTable.load(path) for path in sorted(options.tables.glob("*.npz"))]
    rows = []
    for name, (design, without) in VARIANTS.items():
        scores = [judged(table, design, without, draw) for table in tables for draw in range(options.draws)]
        rows.append((name, *(f"{mean:.2f}" for mean in np.mean(scores, axis=0))))
    print(terminal.markdown(("trainings", "rank correlation", "regret"), rows))


def judged(table: SearchTable, design: Design, without: frozenset[str], draw: int) -> tuple[float, float]:
    """Return the correlation with the truth, and the regret of the best posterior mean."""
    terms = {name: value for name, value in EXPECTED.items() if name not in without}
    kernel = kernel_of(table.candidates)
    process = GaussianProcess.fit(kernel, observed(table, design, np.random.default_rng(draw)), terms)
    listed = np.array(list(itertools.product(*map(range, kernel.sizes))))
    mean = process.mean(Points.means(listed))
    return float(spearmanr(mean, table.truth.ravel())[0]), float(table.regrets.ravel()[mean.argmin()])


def observed(table: SearchTable, design: Design, rng: np.random.Generator) -> Observations:
    """Train random assignments with random seeds; each shows all fractions that it passes."""
    sign = 1.0 if table.mode == "min" else -1.0
    rows = []
    for run, last in enumerate(last for count, last in design for _ in range(count)):
        index = tuple(int(rng.integers(len(names))) for names in table.candidates)
        seed = int(rng.integers(table.seeds))
        rows += [
            (index, table.fractions[r], run, sign * table.value(index, seed, r)) for r in range(last + 1)
        ]
    return Observations(
        assignments=np.array([row[0] for row in rows], dtype=np.intp),
        fidelities=np.array([row[1] for row in rows]),
        hyperparameters=np.empty((len(rows), 0)),
        runs=np.array([row[2] for row in rows], dtype=np.intp),
        values=np.array([row[3] for row in rows]),
    )


if __name__ == "__main__":
    main()
