"""Experience judged on families of tasks that it was not learned from: replays with and without it.

    python scripts/benchmarks/small_tables/judge.py [--tables DIR] [--known] [--held-out] [--repetitions 16]
        [--short] [--json FILE]

Plays the product's search, cost 20 and its raced baselines, on each table with what all *other* families
teach, and without any, the same games. `--known`: on the tables of docs/benchmarks/tables instead, with what
all families teach. What the JSON file holds is not played again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from unittest.mock import patch

import numpy as np

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from autoact.search.optimizer import _observations, _sampler
from autoact.search.optimizer._experience import Experience
from autoact.search.optimizer._kernel import AssignmentKernel
from scripts import terminal
from scripts.benchmarks import search
from scripts.benchmarks.replay import play
from scripts.benchmarks.replay.pooling import RACE, RACED, cost
from scripts.benchmarks.small_tables.build import OUT
from scripts.benchmarks.small_tables.learn import content, load
from scripts.benchmarks.tables import Array, SearchTable

RESAMPLED = 4000


@contextmanager
def believing(experience: Experience | None) -> Iterator[None]:
    """Let the sampler have an experience, or none."""
    made = lru_cache(maxsize=8)(lambda candidates: AssignmentKernel.of(candidates, experience))
    with patch.object(_sampler, "kernel_of", made):
        yield


def taught(tables: Sequence[SearchTable], **options: float) -> Experience:
    """Return what tables teach."""
    own = content(tables)
    return Experience(
        activations=tuple(own["activations"]),  # type: ignore[arg-type]
        effects=np.array(own["effects"]),
        closeness=np.array(own["closeness"]),
        **options,
    )


def compressed(scale: float) -> Callable[[Array], Array]:
    """Return a squash that compresses values worse than the median by their logarithm as well."""
    squash = _observations.squash

    def more(scaled: Array) -> Array:
        usual = squash(scaled)
        return np.where(usual > 0, scale * np.log1p(np.maximum(usual, 0.0) / scale), usual)

    return more


def regrets(
    table: SearchTable, experience: Experience | None, repetitions: int, scale: float = 0.0
) -> list[float]:
    """Return the regret of each game."""
    price = cost(RACED, lambda _: table)
    squash = compressed(scale) if scale else _observations.squash
    with believing(experience), patch.object(_observations, "squash", squash):
        return [round(float(x), 4) for x in play(lambda _: table, RACE, [price], repetitions).values[:, 0]]


def interval(games: Mapping[str, Array]) -> tuple[float, float, float]:
    """Return the mean over tables of mean differences, with its 95 % bootstrap interval over tables and games."""
    rng, own = np.random.default_rng(0), list(games.values())
    drawn = []
    for _ in range(RESAMPLED):
        picked = rng.integers(len(own), size=len(own))
        drawn.append(np.mean([own[i][rng.integers(len(own[i]), size=len(own[i]))].mean() for i in picked]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(np.mean([x.mean() for x in own])), float(low), float(high)


def main(arguments: Sequence[str] | None = None) -> None:
    """Play what is missing, and print the difference."""
    parser = terminal.parser(__doc__, short="two repetitions: shows that it runs")
    parser.add_argument("--tables", type=Path, default=OUT)
    parser.add_argument("--known", action="store_true")
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--back", action="store_true")
    parser.add_argument("--arms", default="none;experience")
    parser.add_argument("--repetitions", type=int, default=16)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    tables = load(options.tables)
    judged = {table.name: table for table in tables[:: -1 if options.back else 1]}
    if options.known:
        folders = [terminal.TABLES] + ([terminal.TABLES / "held_out"] if options.held_out else [])
        judged = {n: t(0) for n, t in search.find_tables(folders, synthetic=False).items()}
    kept: dict[str, dict[str, list[float]]] = {}
    if options.json and options.json.exists():
        kept = json.loads(options.json.read_text())
    for name, table in judged.items():
        family = table.about.get("family")
        others = [own for own in tables if own.about["family"] != family or options.known]
        for arm in options.arms.split(";"):
            own = kept.setdefault(name, {})
            if arm not in own:
                experience = None
                values = dict(part.split("=") for part in arm.split(",")[1:])
                scale = float(values.pop("scale", 0.0))
                if arm.startswith("experience"):
                    experience = taught(others, **{key: float(value) for key, value in values.items()})
                own[arm] = regrets(table, experience, 2 if options.short else options.repetitions, scale)
                if options.json:
                    options.json.write_text(json.dumps(kept))
    for arm in options.arms.split(";")[1:]:
        games = {n: np.array(kept[n]["none"]) - np.array(kept[n][arm]) for n in judged}
        print(arm, "lowers mean regret by", "{:.3f} [{:.3f}, {:.3f}]".format(*interval(games)))


if __name__ == "__main__":
    main()
