"""Print how much there is to find in each search table, and how well short trainings tell.

python scripts/benchmarks/tables/describe.py docs/benchmarks/tables/*.npz
"""

import sys
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from scripts import terminal
from scripts.benchmarks.tables import Array, SearchTable, normalized_regret

SPLITS = 500
COLUMNS = (
    "table",
    "assignments",
    "seeds",
    "s.d. between",
    "seed s.d.",
    "seed s.d. in regret",
    "its square: shared, by layer, rest",
    "rank correlation of one training by fraction",
    "floor",
    "best uniform",
    "best",
)


def final_values(table: SearchTable) -> Array:
    """Return the values at the end of training, (seeds, assignments), smaller is better."""
    flat = table.selection[..., -1].reshape(table.seeds, -1)
    return flat if table.mode == "min" else -flat


def spread(table: SearchTable) -> tuple[float, float, float]:
    """Return s.d. between assignments, s.d. between seeds, and the latter in units of regret."""
    values, truth = final_values(table), table.truth.ravel()
    noise = np.sqrt(values.var(axis=0, ddof=1).mean())
    between = np.sqrt(max(truth.var() - noise**2 / table.seeds, 0.0))
    return between, noise, noise / (np.median(truth) - truth.min())


def seed_parts(table: SearchTable) -> Array:
    """Split the variance between trainings of one assignment, in squares of the regret's unit.

    Returns:
        The variance of what a seed adds to all assignments alike; of what it adds to each layer's choices,
        summed over layers; of the rest. Unbiased; the three sum to the squared seed s.d. in regret.
    """
    off = final_values(table).reshape(table.seeds, *table.truth.shape)
    off = off - off.mean(axis=0)
    squares = table.seeds - 1, table.truth.size
    shared = off.mean(axis=tuple(range(1, off.ndim)), keepdims=True)
    by_layer = [_layer_means(off, layer) - shared for layer in range(1, off.ndim)]
    rest = off - shared - sum(by_layer)
    degrees = sum(count - 1 for count in table.truth.shape)
    smallest = (rest**2).sum() / squares[0] / (squares[1] - 1 - degrees)
    layers = sum((part**2).mean() for part in by_layer) * table.seeds / squares[0]
    alike = (shared**2).mean() * table.seeds / squares[0]
    found = np.array([alike - smallest / squares[1], layers - smallest * degrees / squares[1], smallest])
    return found / (np.median(table.truth) - table.truth.min()) ** 2


def _layer_means(off: Array, layer: int) -> Array:
    others = tuple(axis for axis in range(1, off.ndim) if axis != layer)
    return off.mean(axis=others, keepdims=True)


def agreement(table: SearchTable) -> str:
    """Return the rank correlation of a single training with the truth, by fraction."""
    values = table.selection.reshape(table.seeds, -1, len(table.fractions))
    sign = 1 if table.mode == "min" else -1
    by_fraction = [
        np.mean([spearmanr(sign * one[:, rung], table.truth.ravel()).statistic for one in values])
        for rung in range(len(table.fractions))
    ]
    return ", ".join(f"{rho:.2f}" for rho in by_fraction)


def floor(table: SearchTable) -> str:
    """Return the regret, by one half of the seeds, of the best by the other half: median, 90th percentile."""
    values, draw, found = final_values(table), np.random.default_rng(0), []
    for _ in range(SPLITS):
        order = draw.permutation(table.seeds)
        first, second = (values[half].mean(axis=0) for half in np.array_split(order, 2))
        found.append(normalized_regret(second)[first.argmin()])
    return f"{np.median(found):.2f}, {np.quantile(found, 0.9):.2f}"


def uniform(table: SearchTable) -> str:
    """Return the best uniform assignment and its regret."""
    shared = [(table.regret((k,) * len(table.layers)), name) for k, name in enumerate(table.candidates[0])]
    return "{1} {0:.2f}".format(*min(shared))


def best(table: SearchTable) -> str:
    """Return the names of the best assignment."""
    index = np.unravel_index(int(table.regrets.argmin()), table.regrets.shape)
    return ", ".join(names[choice] for names, choice in zip(table.candidates, index, strict=True))


def main() -> None:
    """Print a row per table."""
    parser = terminal.parser(__doc__)
    parser.add_argument("tables", nargs="+", type=Path)
    rows = [described(SearchTable.load(path)) for path in parser.parse_args().tables]
    print(terminal.markdown(COLUMNS, rows, "l" + "r" * 5 + "l" * (len(COLUMNS) - 6)))


def described(table: SearchTable) -> tuple[object, ...]:
    """Return a table's cells, one per column."""
    between, noise, in_regret = spread(table)
    parts = "{:.2f}, {:.2f}, {:.2f}".format(*seed_parts(table))
    first = (table.name, table.truth.size, table.seeds, f"{between:.4f}", f"{noise:.4f}", f"{in_regret:.2f}")
    return (*first, parts, agreement(table), floor(table), uniform(table), best(table))


if __name__ == "__main__":
    main()
