"""Read-outs of a training compared: its last value, the mean of late ones, averaged weights.

    python scripts/benchmarks/replay/readouts.py [--tables docs/benchmarks/tables/curves] [--drawn 20]
        [--games 2000] [--searched 0] [--short] [--json FILE]

For every table of `--tables`/constant and `--tables`/decaying (`build.py --curves`), relative to the last
value: the variance of the difference of two assignments on one seed (*noise*), the correlation of one
training with the truth, and what a read-out shows beside the truth (*bias*: s.d. over assignments of the
difference of means, in s.d. of the truth). *Regret* is of the best of so many random assignments, all on one
seed; `--searched` plays the package's sampler at that cost as well, so many games, with last values and means
of the last quarter. The truth is the mean last value over the seeds that were not shown, on selection rows,
or on comparison rows. Intervals of 95 % are over seeds, those of searches over games; the tables are taken as
they are.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from scripts import terminal
from scripts.benchmarks.replay import Game, Search
from scripts.benchmarks.tables import Array, SearchTable, normalized_regret

LAST, HALF, QUARTER, AVERAGED = (
    "last",
    "mean of the last half",
    "mean of the last quarter",
    "averaged weights",
)
READ_OUTS: Mapping[str, Callable[[SearchTable], Array]] = {
    LAST: lambda table: table.selection[..., -1],
    QUARTER: lambda table: late(table, 4),
    HALF: lambda table: late(table, 2),
    AVERAGED: lambda table: averaged(table),
}
SEARCHED = (LAST, QUARTER)  # read-outs that searches see
RATES = ("constant", "decaying")
SHOWN = 2  # seeds that a search sees
HEAD = (
    "rate", "table", "read-out", "noise", "correlation", "bias",
    "regret", "added", "regret on comparison rows", "added", "regret of a search", "added",
)  # fmt: skip


def late(table: SearchTable, part: int) -> Array:
    """Return the mean over the last 1/part of the epochs, (S, K_1, ..., K_L)."""
    return np.asarray(table.selection[..., -(table.selection.shape[-1] // part) :].mean(-1))


def averaged(table: SearchTable) -> Array:
    """Return the value with averaged weights.

    Raises:
        ValueError: The table has none.
    """
    if table.averaged is None:
        raise ValueError(f"table {table.name!r} has no averaged weights: build it with --curves")
    return np.asarray(table.averaged[..., 0])


def flat(values: Array) -> Array:
    """Return values by seed and assignment, (S, A)."""
    return values.reshape(len(values), -1)


def noise(values: Array) -> float:
    """Return the variance of the difference of two assignments on one seed.

    Args:
        values: By seed and assignment, (S, A).

    Example:
        >>> noise(np.array([[1.0, 2.0], [3.0, 6.0]]))
        2.0
    """
    left = values - values.mean(0) - values.mean(1, keepdims=True) + values.mean()
    seeds, assignments = values.shape
    return float(2 * (left**2).sum() / (seeds - 1) / (assignments - 1))


def bias(values: Array, last: Array) -> float:
    """Return the s.d. over assignments of the difference of means, in s.d. of the true means; no noise in it.

    Args:
        values: By seed and assignment, (S, A).
        last: The last values, likewise.
    """
    seeds = len(last)
    parts = [each.mean(0).var(ddof=1) - noise(each) / 2 / seeds for each in (values - last, last)]
    return float(np.sqrt(max(parts[0], 0.0) / max(parts[1], 1e-12)))


def correlation(values: Array, last: Array) -> float:
    """Return the mean correlation of one seed's values with the mean last values of the other seeds."""
    return float(np.mean([np.corrcoef(values[n], _others(last, [n]))[0, 1] for n in range(len(last))]))


def regrets(values: Array, truth: Array, drawn: int, games: int) -> Array:
    """Return mean regrets of the best of random assignments on one seed, (S,).

    Args:
        values: What trainings show, by seed and assignment, (S, A).
        truth: What judges, likewise: the mean over the other seeds.
        drawn: Assignments of each game.
        games: Of each seed, the same for every read-out.
    """
    random = np.random.default_rng(0)
    chosen = np.argsort(random.random((games, values.shape[1])), axis=1)[:, :drawn]
    found = []
    for seed, own in enumerate(values):
        best = chosen[np.arange(games), own[chosen].argmin(1)]
        found.append(normalized_regret(_others(truth, [seed]))[best].mean())
    return np.array(found)


def searched(table: SearchTable, values: Array, cost: int, games: int) -> Array:
    """Return the regrets of searches by the package's sampler, which sees few seeds, (games,)."""
    found = []
    for game in range(games):
        order = np.random.default_rng(game).permutation(table.seeds)
        shown, others = order[:SHOWN], order[SHOWN:]
        seen = SearchTable(
            name=table.name,
            layers=table.layers,
            candidates=table.candidates,
            fractions=(1.0,),
            selection=values[shown][..., None],
            comparison=table.comparison[shown],
            mode=table.mode,
            priors={},
            about={},
        )
        pick = Search()(Game(seen, game), (float(cost),))[float(cost)]
        found.append(normalized_regret(table.selection[others][..., -1].mean(0))[pick])
    return np.array(found)


def _others(values: Array, seeds: Sequence[int]) -> Array:
    return np.asarray(np.delete(values, seeds, axis=0).mean(0))


def measured(table: SearchTable, options: argparse.Namespace) -> dict[str, dict[str, object]]:
    """Return what each read-out of a table is worth."""
    last, compared = flat(READ_OUTS[LAST](table)), flat(table.comparison)
    found = {}
    for name, read in READ_OUTS.items():
        values = flat(read(table))
        found[name] = {
            "noise": noise(values) / noise(last),
            "correlation": correlation(values, last),
            "bias": bias(values, last),
            "regret": regrets(values, last, options.drawn, options.games),
            "comparison": regrets(values, compared, options.drawn, options.games),
            "searched": searched(
                table, read(table), options.drawn, options.searched if name in SEARCHED else 0
            ),
        }
    return found


def lines(
    results: Mapping[str, Mapping[str, Mapping[str, Mapping[str, Any]]]],
) -> list[tuple[str, ...]]:
    """Return a line per rate, table and read-out, and per rate the means over its tables."""
    found: list[tuple[str, ...]] = []
    for rate, tables in results.items():
        for name, own in [*((name, [own]) for name, own in tables.items()), ("**all**", [*tables.values()])]:
            for read_out in READ_OUTS:
                found.append((rate, name, read_out, *_cells(own, read_out)))
    return found


def _cells(tables: Sequence[Mapping[str, Mapping[str, Any]]], read_out: str) -> list[str]:
    def mean(key: str) -> float:
        return float(np.mean([own[read_out][key] for own in tables]))

    logs = float(np.exp(np.mean([np.log(own[read_out]["noise"]) for own in tables])))
    cells = [f"{logs:.2f}", f"{mean('correlation'):.3f}", f"{mean('bias'):.2f}"]
    for key in ("regret", "comparison", "searched"):
        ours, base = ([own[which][key] for own in tables] for which in (read_out, LAST))
        if not len(ours[0]):
            cells += ["", ""]
            continue
        added = "" if read_out == LAST else interval([a - b for a, b in zip(ours, base, strict=True)])
        cells += [f"{np.mean([own.mean() for own in ours]):.3f}", added]
    return cells


def interval(differences: Sequence[Array]) -> str:
    """Return the mean of the tables' means with its 95 % interval over seeds.

    Example:
        >>> interval([np.array([0.1, 0.3]), np.array([0.0, 0.0])])
        '+0.100 [-0.535, +0.735]'
    """
    mean = float(np.mean([own.mean() for own in differences]))
    errors = np.array([own.var(ddof=1) / len(own) for own in differences])
    each = errors**2 / [len(own) - 1 for own in differences]
    degrees = errors.sum() ** 2 / each.sum() if errors.any() else 1.0  # Welch and Satterthwaite
    half = float(stats.t.ppf(0.975, degrees) * np.sqrt(errors.sum())) / len(differences)
    return f"{mean:+.3f} [{mean - half:+.3f}, {mean + half:+.3f}]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what each read-out is worth; 2 if there are no tables."""
    parser = terminal.parser(__doc__, short="100 games, no search")
    parser.add_argument("--tables", type=Path, default=terminal.TABLES / "curves", help="folder of tables")
    parser.add_argument("--drawn", type=int, default=20, help="assignments of each game")
    parser.add_argument("--games", type=int, default=2000)
    parser.add_argument("--searched", type=int, default=0, help="games of the sampler; none by default")
    parser.add_argument("--json", type=Path, help="where everything is kept")
    options = parser.parse_args(arguments)
    if options.short:
        options.games, options.searched = 100, 0
    results = {
        rate: {
            path.stem: measured(SearchTable.load(path), options)
            for path in sorted((options.tables / rate).glob("*.npz"))
        }
        for rate in RATES
    }
    results = {rate: own for rate, own in results.items() if own}
    if not results:
        print(f"{options.tables} holds no table in {' or '.join(RATES)}.", file=sys.stderr)
        return 2
    print(terminal.markdown(HEAD, lines(results), "lllrrrrrrrrr"))
    if options.json:
        options.json.write_text(json.dumps(results, default=_plain, separators=(",", ":")), encoding="utf-8")
    return 0


def _plain(values: Array) -> list[float]:
    return [round(float(value), 4) for value in values]


if __name__ == "__main__":
    sys.exit(main())
