"""Looks at paired seeds: how often noise is called an improvement, and how many seeds a true one takes.

    python scripts/benchmarks/verdict/looks.py [--repetitions 100000] [--most 10,20,40] [--spent 1]
        [--short]

Both models' values are drawn from one distribution (normal, Student's t with 3 degrees of freedom,
exponential), correlated by seed, and shifted by an effect in standard deviations of their difference.
Printed are the shares of `improved` and `worse` and the mean number of seeds, by the rule of the
confirmation; `bound` is the lower 99 % bound of the share of `improved`. `--spent 1` shows
how often looks err with the levels of means; *fixed* are tests of 5 % after 10, 20 and 40 seeds.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from scipy import stats

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from autoact.search.setup import looks_until
from autoact.search.statistics import SPENT, hopeless, levels
from scripts import terminal

Array = np.ndarray
CORRELATION = 0.5  # of two models' values that share a seed
DRAWN: dict[str, Callable[[np.random.Generator, tuple[int, int]], Array]] = {
    "normal": lambda random, shape: random.standard_normal(shape),
    "t, 3 degrees": lambda random, shape: random.standard_t(3, shape),
    "exponential": lambda random, shape: random.exponential(size=shape),
}


def differences(random: np.random.Generator, kind: str, repetitions: int, seeds: int, effect: float) -> Array:
    """Return paired differences, (repetitions, seeds): of equal laws, correlated by seed, and shifted.

    Args:
        random: Source of the numbers.
        kind: A key of `DRAWN`.
        repetitions: Comparisons.
        seeds: Pairs of each.
        effect: In standard deviations of a difference, estimated over all that are drawn.
    """
    shape = repetitions, seeds
    shared, ours, theirs = (DRAWN[kind](random, shape) for _ in range(3))
    weight = np.sqrt(CORRELATION / (1 - CORRELATION))
    found = (ours + weight * shared) - (theirs + weight * shared)
    return found + effect * found.std()


def outcomes(
    gains: Array, looks: Sequence[int], stops: bool = True, due: Sequence[float] | None = None
) -> tuple[float, float, float]:
    """Return the shares of improved and worse, and the mean number of seeds.

    Args:
        gains: Paired differences, (R, S).
        looks: Seeds at each look.
        stops: Whether what is hopeless ends early.
        due: Confidence at each look; None: those of a confirmation.
    """
    planned = tuple(looks)
    due = due or levels(planned, 0.95)
    side, used = np.zeros(len(gains)), np.full(len(gains), planned[-1])
    going = np.ones(len(gains), dtype=bool)
    for count, level in zip(planned, due, strict=True):
        seen = gains[:, :count]
        statistic = seen.mean(1) / seen.std(1, ddof=1) * np.sqrt(count)
        p_values = 2 * stats.t.sf(np.abs(statistic), count - 1)
        decided = going & (p_values < 1 - level)
        side[decided] = np.sign(statistic[decided])
        ended = decided | (going & hopeless(p_values, planned, count) if stops else False)
        used[ended], going = count, going & ~ended
    return float((side > 0).mean()), float((side < 0).mean()), float(used.mean())


def lower_bound(share: float, repetitions: int) -> float:
    """Return the lower 99 % bound of a share, by Clopper and Pearson.

    Args:
        share: Of the repetitions.
        repetitions: How many.
    """
    found = round(share * repetitions)
    return float(stats.beta.ppf(0.01, found, repetitions - found + 1)) if found else 0.0


def row(
    label: str, kind: str, effect: float, repetitions: int, looks: Sequence[int], due: Sequence[float]
) -> tuple[object, ...]:
    """Return a line of the table.

    Args:
        label: What the looks are called.
        kind: A key of `DRAWN`.
        effect: In standard deviations of a difference.
        repetitions: Comparisons.
        looks: Seeds at each look.
        due: Confidence at each look.
    """
    gains = differences(np.random.default_rng(0), kind, repetitions, looks[-1], effect)
    better, worse, seeds = outcomes(gains, looks, due=due)
    alone, _, _ = outcomes(gains, looks, stops=False, due=due)
    shares = (better, lower_bound(better, repetitions), worse, alone)
    return label, kind, effect, *(f"{share:.4f}" for share in shares), f"{seeds:.1f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = terminal.parser(__doc__, short="2,000 repetitions")
    parser.add_argument("--repetitions", type=int, default=100_000)
    parser.add_argument("--spent", type=float, default=SPENT, help="share of the error that looks spend")
    parser.add_argument("--most", default="10,20,40", help="most seeds, of several confirmations")
    options: argparse.Namespace = parser.parse_args(arguments)
    repetitions = 2000 if options.short else options.repetitions
    rows = []
    for most in map(int, options.most.split(",")):
        for looks in dict.fromkeys([looks_until(most), (most,)]):
            due = levels(looks, 0.95, options.spent)
            for kind in DRAWN:
                for effect in (0.0, 0.5, 1.0, 2.0) if kind == "normal" else (0.0,):
                    rows.append(row(", ".join(map(str, looks)), kind, effect, repetitions, looks, due))
    rows.append(row("10, 20, 40 fixed", "normal", 0.0, repetitions, (10, 20, 40), (0.95,) * 3))
    head = ("looks", "values", "effect", "improved", "bound", "worse", "improved without stops", "seeds")
    print(terminal.markdown(head, rows, "llrrrrrr"))


if __name__ == "__main__":
    main()
