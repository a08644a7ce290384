"""Found functions against registered ones, over paired seeds, corrected for how many comparisons there are.

Intervals are Bonferroni's: all of a table hold together with 95 %. Counts are Holm's (1979), at 5 % in all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student
from scipy.stats import ttest_rel

from scripts.benchmarks.results import Record, Values, best_fixed, ranks

LEVEL = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A found function on a task.

    Attributes:
        rank: By mean loss among the registered activations, 1 for the best.
        best: The registered activation that is best on selection rows.
        gain: How much less than it the function loses, mean over seeds.
        half: Half of the gain's interval, of which all hold together.
        better: Registered activations that lose more, and by more than chance.
        worse: Those that lose less.
    """

    rank: float
    best: str
    gain: float
    half: float
    better: int
    worse: int

    def cell(self) -> str:
        """Return it in a table's words."""
        if not np.isfinite(self.gain):
            return "diverged"
        gain = f"{self.gain:+.4f} ± {self.half:.4f}"
        return (
            f"{self.rank:g}; {f'**{gain}**' if self.gain > self.half else gain}; {self.better}, {self.worse}"
        )


def standings(
    record: Record, found: Sequence[str], registered: Sequence[str]
) -> dict[tuple[str, str], Standing]:
    """Return the standing of every found function on every task, by function and task.

    Args:
        record: Losses by task, arm and seed.
        found: Arms that were found.
        registered: Arms that they are compared with.
    """
    pairs = [(arm, task) for task in record.tasks() for arm in found]
    values = {task: record.values(task) for task in record.tasks()}
    signs = _signs({(arm, task, other): values[task] for arm, task in pairs for other in registered})
    standing = {}
    for arm, task in pairs:
        fixed = {name: values[task][name] for name in registered}
        selection = record.values(task, "selection")
        best = best_fixed({name: selection[name] for name in registered})
        gain = fixed[best] - values[task][arm]
        ours = [signs[arm, task, other] for other in registered]
        standing[arm, task] = Standing(
            rank=ranks({**fixed, arm: values[task][arm]})[arm],
            best=best,
            gain=float(gain.mean()),
            half=half_width(gain, len(pairs)),
            better=ours.count(1),
            worse=ours.count(-1),
        )
    return standing


def half_width(differences: np.ndarray, comparisons: int) -> float:
    """Return half of an interval for a mean over seeds that holds with so many others.

    Args:
        differences: (seeds,).
        comparisons: How many there are.
    """
    n = len(differences)
    quantile = student.ppf(1 - LEVEL / (2 * comparisons), n - 1)
    return float(quantile * differences.std(ddof=1) / np.sqrt(n))


def _signs(values: Mapping[tuple[str, str, str], Values]) -> dict[tuple[str, str, str], int]:
    """Return 1 where a function is better than a registered one, -1 where worse, 0 where chance explains it.

    Args:
        values: By function, task and registered activation: the losses of the task by arm.
    """
    p, way = {}, {}
    for (arm, task, other), by in values.items():
        difference = by[other] - by[arm]
        finite = np.isfinite(difference)
        if finite.all() and difference.std() > 0:
            p[arm, task, other] = float(ttest_rel(by[other], by[arm]).pvalue)
        way[arm, task, other] = int(np.sign(difference[finite].mean())) if finite.any() else 0
    rejected = holm(list(p.values()))
    sure = {key for key, said in zip(p, rejected, strict=True) if said}
    return {key: way[key] if key in sure else 0 for key in values}


def holm(p_values: Sequence[float], level: float = LEVEL) -> list[bool]:
    """Return which hypotheses are rejected, with an error of so much in all.

    Example:
        >>> holm([0.001, 0.04, 0.03])
        [True, False, False]
    """
    order, count = np.argsort(p_values), len(p_values)
    rejected = [False] * count
    for place, number in enumerate(order):
        if p_values[number] > level / (count - place):
            break
        rejected[number] = True
    return rejected
