"""Rows in the verdict: how often noise is called an improvement, with and without the choice of rows.

    python scripts/benchmarks/verdict/rows.py [--repetitions 100000] [--looks "10;5,10,20"] [--groups 8,32]
        [--sizes 0] [--short] [--json FILE]

Both models' values are drawn from one law (normal, Student's t with 3 degrees of freedom, exponential): an
effect of the seed, an effect of each group of rows that all seeds share, and one of both. What the models of
a pair share, which correlates their values, cancels in the difference. *share* is what
rows are of the variance of the difference after the last look. `seeds alone` is the share
of `improved` by an interval over seeds, `summed` that of one whose variance is the plain sum of those over
seeds and over rows, which counts what varies with both twice, and `improved` and `worse` are those of the
verdict, over all looks and without stops for futility; each `bound` is a lower 99 % bound. A true effect is
in standard errors after the last look. With `--sizes` above 0 groups are unlike: the logarithm of their rows
has this standard deviation, in each 2,000 comparisons another draw, and all have effects of one law.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy import stats

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from autoact.search.statistics import hopeless, levels, share_of_rows, variances
from scripts import terminal
from scripts.benchmarks.verdict.looks import DRAWN, lower_bound

Array = np.ndarray
CHUNK = 2000  # repetitions at a time
# Standard deviations of a mean difference on one seed: by seed, by rows, by both.
CASES = {
    "no rows": (1.0, 0.0, 0.0),
    "rows by seed": (0.5, 0.0, 1.0),
    "some rows": (0.5, 0.2, 1.0),
    "rows": (0.5, 0.5, 0.5),
    "rows alone": (0.1, 1.0, 0.1),
}
HEAD = (
    "looks", "groups", "values", "case", "share", "effect",
    "seeds alone", "summed", "improved", "bound", "worse", "bound of worse", "seeds",
)  # fmt: skip


def differences(
    random: np.random.Generator, kind: str, shape: tuple[int, int, int], spread: tuple[float, float, float]
) -> Array:
    """Return differences by repetition, seed and group of rows, of mean 0.

    Args:
        random: Source of the numbers.
        kind: A key of `DRAWN`.
        shape: Repetitions, seeds and groups.
        spread: Standard deviations of a mean over groups: by seed, by rows, by both.
    """
    repetitions, seeds, groups = shape
    shapes = (repetitions, seeds, 1), (repetitions, 1, groups), shape
    scales = spread[0], spread[1] * np.sqrt(groups), spread[2] * np.sqrt(groups)
    law = DRAWN[kind]
    unit = np.sqrt(2 * {"t, 3 degrees": 3.0}.get(kind, 1.0))
    found = np.zeros(shape)
    for size, scale in zip(shapes, scales, strict=True):
        if scale:
            flat = size[0], size[1] * size[2]
            found += scale / unit * (law(random, flat) - law(random, flat)).reshape(size)
    return found


def decisions(gains: Array, looks: Sequence[int], weights: Array | None = None) -> dict[str, Array]:
    """Return what each way of judging says: 1 for improved, -1 for worse, by repetition; and the seeds used.

    Args:
        gains: Differences by repetition, seed and group of rows.
        looks: Seeds at each look.
        weights: Of the groups; None: all alike.
    """
    planned = tuple(looks)
    sizes = np.ones(gains.shape[2]) if weights is None else weights
    weighted = sizes / sizes.sum()
    said = {way: np.zeros(len(gains)) for way in ("seeds alone", "summed", "improved")}
    used, going = np.full(len(gains), planned[-1]), np.ones(len(gains), dtype=bool)
    for made, count in enumerate(planned):
        seen = gains[:, :count]
        mean, groups = (seen @ weighted).mean(1), seen.shape[2]
        seeds, rows, degrees = variances(seen, sizes)
        whole = seen.mean(1).var(1, ddof=1) / groups
        either = (seeds + whole) ** 2 / (seeds**2 / (count - 1) + whole**2 / (groups - 1))
        shares = np.array([share_of_rows(*both, count, planned) for both in zip(seeds, rows, strict=True)])
        level = levels(planned, 0.95)[made]
        due = np.zeros(len(gains))
        p_values = np.maximum(
            2 * stats.t.sf(np.abs(mean) / np.sqrt(seeds + rows), degrees),
            2 * stats.t.sf(np.abs(mean) / np.sqrt(seeds), count - 1),
        )
        hopes = np.ones(len(gains), dtype=bool)
        for share in np.unique(shares):
            same = shares == share
            due[same] = levels(planned, 0.95, rows=float(share))[made]
            hopes[same] = ~hopeless(p_values[same], planned, count, float(share))
        halves = {
            "seeds alone": _half(seeds, count - 1, level),
            "summed": _half(seeds + whole, either, level),
            "improved": np.maximum(_half(seeds + rows, degrees, due), _half(seeds, count - 1, due)),
        }
        for way, half in halves.items():
            said[way] = np.where((said[way] == 0) & (np.abs(mean) > half), np.sign(mean), said[way])
        ended = going & ((said["improved"] != 0) | ~hopes)
        used[ended], going = count, going & ~ended
    return {**said, "seeds": used}


def _half(variance: Array, degrees: Array | int, level: Array | float) -> Array:
    return np.asarray(stats.t.ppf((1 + level) / 2, degrees) * np.sqrt(variance))


def row(
    kind: str,
    case: str,
    looks: Sequence[int],
    groups: int,
    effect: float,
    repetitions: int,
    sizes: float = 0.0,
) -> tuple[object, ...]:
    """Return a line of the table.

    Args:
        kind: A key of `DRAWN`.
        case: A key of `CASES`.
        looks: Seeds at each look.
        groups: Of rows.
        effect: In standard errors of the mean difference after the last look.
        repetitions: Comparisons.
        sizes: Standard deviation of the logarithm of the groups' rows.
    """
    random, found = np.random.default_rng(0), []
    by_seed, by_rows, by_both = CASES[case]
    total = by_rows**2 + (by_seed**2 + by_both**2) / looks[-1]
    for size in _sizes(repetitions):
        gains = differences(random, kind, (size, looks[-1], groups), CASES[case])
        weights = np.exp(sizes * random.normal(size=groups)) if sizes else None
        found.append(decisions(gains + effect * np.sqrt(total), looks, weights))
    said = {way: np.concatenate([each[way] for each in found]) for way in found[0]}
    shares = {way: float((said[way] > 0).mean()) for way in ("seeds alone", "summed", "improved")}
    worse = float((said["improved"] < 0).mean())
    bounds = [lower_bound(share, repetitions) for share in (shares["improved"], worse)]
    numbers = (*shares.values(), bounds[0], worse, bounds[1])
    told = f"{by_rows**2 / total:.0%}", effect, *(f"{number:.4f}" for number in numbers)
    return ", ".join(map(str, looks)), groups, kind, case, *told, f"{said['seeds'].mean():.1f}"


def _sizes(repetitions: int) -> Iterator[int]:
    for begin in range(0, repetitions, CHUNK):
        yield min(CHUNK, repetitions - begin)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = terminal.parser(__doc__, short="2,000 repetitions, 10 seeds, 8 groups")
    parser.add_argument("--repetitions", type=int, default=100_000)
    parser.add_argument("--looks", default="10;5,10,20", help="seeds at each look, of several confirmations")
    parser.add_argument("--groups", default="8,32", help="groups of rows")
    parser.add_argument("--sizes", type=float, default=0.0, help="how unlike the groups are")
    parser.add_argument("--json", type=Path, help="where the table is kept")
    options: argparse.Namespace = parser.parse_args(arguments)
    repetitions = 2000 if options.short else options.repetitions
    looks = [
        tuple(map(int, each.split(","))) for each in ("10" if options.short else options.looks).split(";")
    ]
    rows = []
    for planned in looks:
        for groups in map(int, ("8" if options.short else options.groups).split(",")):
            for kind in DRAWN:
                for case in CASES:
                    for effect in (0.0, 3.0) if kind == "normal" else (0.0,):
                        rows.append(row(kind, case, planned, groups, effect, repetitions, options.sizes))
    print(terminal.markdown(HEAD, rows, "lrllrrrrrrrrr"))
    if options.json:
        told = {
            "repetitions": repetitions,
            "sizes": options.sizes,
            **terminal.machine(),
            "columns": HEAD,
            "rows": rows,
        }
        options.json.write_text(json.dumps(told, indent=0), encoding="utf-8")


if __name__ == "__main__":
    main()
