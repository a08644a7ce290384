"""Experience from tables: what activations do on average by their place, and which of them do alike.

    python scripts/benchmarks/small_tables/learn.py [--tables docs/benchmarks/tables/small] [--out FILE]

Notation:
    u     effects of a layer's activations in a table, times sqrt(L), centered over its candidates, in the units
          of `Scale`: the distance from the median to the better sixth
    mu    what activations do on average at a place (first, middle, last), a row per place
    S     covariance of u - mu between activations
    S0    what S is without any table: closeness of functions and a free part
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from autoact.search.optimizer._kernel import Array, function_kernel
from autoact.search.optimizer._observations import spread, squash
from scripts import terminal
from scripts.benchmarks.small_tables._setting import POOL
from scripts.benchmarks.small_tables.build import OUT
from scripts.benchmarks.tables import SearchTable

PLACES = ("first", "middle", "last")
TRUSTED = 10.0  # layers that S0 weighs as much as
FREE = 0.4  # of S0
MEAN, PLACE = 0.1, 0.05  # prior variances of mu: common to all places, and of each, in units of S
NOISE = 0.01
ROUNDS = 15


def place(layer: int, layers: int) -> int:
    """Return the place of a layer: 0 first, 1 middle, 2 last; a single one is the last."""
    return 2 if layer == layers - 1 else 0 if layer == 0 else 1


def effects(table: SearchTable) -> list[tuple[int, tuple[str, ...], Array]]:
    """Return (place, names, u) of each layer."""
    truth = table.truth
    scaled = squash((truth - np.median(truth)) / spread(truth.ravel()))
    found = []
    for layer, names in enumerate(table.candidates):
        own = scaled.mean(axis=tuple(i for i in range(scaled.ndim) if i != layer))
        found.append((place(layer, scaled.ndim), names, (own - own.mean()) * np.sqrt(scaled.ndim)))
    return found


def learned(
    tables: Sequence[SearchTable], trusted: float = TRUSTED, mean: float = MEAN, own_place: float = PLACE
) -> tuple[Array, Array]:
    """Return mu (3, K) and S (K, K) over POOL."""
    parts = [part for table in tables for part in effects(table)]
    count = len(POOL)
    base = (1 - FREE) * function_kernel(POOL) + FREE * np.eye(count)
    level = float(np.mean([u.var() for _, _, u in parts]))
    start = level * base
    shared = start
    prior = np.linalg.inv(np.kron(mean * np.ones((3, 3)) + own_place * np.eye(3), start))
    mu = np.zeros((3, count))
    known = []
    for at, names, u in parts:
        numbers = [POOL.index(name) for name in names]
        pick = np.eye(count)[numbers]
        known.append((at, pick - pick.mean(axis=0), u))
    for _ in range(ROUNDS):
        precision, pull = prior.copy(), np.zeros(3 * count)
        total = np.zeros((count, count))
        inverses = []
        for at, b, u in known:
            inverse = np.linalg.pinv(b @ shared @ b.T + NOISE * level * np.eye(len(u)))
            inverses.append(inverse)
            block = slice(at * count, (at + 1) * count)
            precision[block, block] += b.T @ inverse @ b
            pull[block] += b.T @ inverse @ u
        mu = np.linalg.solve(precision, pull).reshape(3, count)
        for (at, b, u), inverse in zip(known, inverses, strict=True):
            gain = shared @ b.T @ inverse
            x = gain @ (u - b @ mu[at])
            total += np.outer(x, x) + shared - gain @ b @ shared
        shared = (trusted * start + total) / (trusted + len(known))
    return mu - mu.mean(axis=1, keepdims=True), shared


def score(tables: Sequence[SearchTable], mu: Array, shared: Array) -> float:
    """Return the mean log density of u per layer of other tables."""
    found = []
    level = np.trace(shared) / len(shared)
    for table in tables:
        for at, names, u in effects(table):
            pick = np.eye(len(POOL))[[POOL.index(name) for name in names]]
            b = (pick - pick.mean(axis=0))[:-1]
            covariance = b @ shared @ b.T + NOISE * level * np.eye(len(b))
            apart = u[:-1] - b @ mu[at]
            found.append(
                -0.5
                * (apart @ np.linalg.solve(covariance, apart) + np.linalg.slogdet(covariance)[1])
                / len(apart)
            )
    return float(np.mean(found))


def families(tables: Sequence[SearchTable]) -> Mapping[str, list[SearchTable]]:
    """Return the tables by family."""
    found: dict[str, list[SearchTable]] = {}
    for table in tables:
        found.setdefault(table.about["family"], []).append(table)
    return found


def load(folder: Path) -> list[SearchTable]:
    """Return all tables of a folder."""
    return [SearchTable.load(path) for path in sorted(folder.glob("*.npz"))]


def content(tables: Sequence[SearchTable]) -> dict[str, object]:
    """Return what the file holds: names, mu, and S as a closeness, 1 on the diagonal."""
    mu, shared = learned(tables)
    width = np.sqrt(np.diag(shared))
    return {
        "activations": list(POOL),
        "effects": mu.round(3).tolist(),
        "closeness": (shared / np.outer(width, width)).round(3).tolist(),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Learn from all tables, and write the file."""
    parser = terminal.parser(__doc__, out=Path("experience.json"))
    parser.add_argument("--tables", type=Path, default=OUT, help="folder of search tables")
    options = parser.parse_args(arguments)
    options.out.write_text(json.dumps(content(load(options.tables))) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
