"""Ranking of activations over several tasks: ranks, differences, and which of these are more than chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.stats import t as student

from autoact.activations import get
from autoact.ranking._opponents import REFERENCE
from autoact.ranking._ranking_tables import latex, text
from autoact.ranking._task_ranking import TaskRanking
from autoact.records import LEVEL, Comparison
from autoact.search.statistics import holm

Claim = tuple[str, str, str]  # task, activation, what it is compared with


@dataclass(frozen=True, eq=False, kw_only=True)
class Ranking:
    """Activations ranked against others, on the same seeds.

    Attributes:
        own: The activations that are ranked.
        tasks: What was trained.
        seeds: Of the trainings, the same for all.

    Example:
        >>> from autoact.records import Training
        >>> from autoact.spaces import Assignment
        >>> def trained(name, *values):
        ...     how = {"phase": "confirmation", "label": name, "assignment": Assignment({"a": name})}
        ...     return [
        ...         Training(**how, seed=n, state="finished", selection=v, comparison=v)
        ...         for n, v in enumerate(values)
        ...     ]
        >>> values = {"elu": trained("elu", 0.1, 0.2), "relu": trained("relu", 0.2, 0.35)}
        >>> task = TaskRanking(name="t", metric="val_loss", mode="min", own=("elu",), trainings=values)
        >>> found = Ranking(own=("elu",), tasks=(task,), seeds=(0, 1))
        >>> list(found.ranks), found.difference("t", "elu")[1]
        (['elu', 'relu'], '')
    """

    own: tuple[str, ...]
    tasks: tuple[TaskRanking, ...]
    seeds: tuple[int, ...]

    @cached_property
    def ranks(self) -> dict[str, tuple[float, float]]:
        """Mean rank over tasks and seeds, and half its 95 % interval over seeds, the best first."""
        found = {}
        for name in self.tasks[0].trainings:
            by_seed = np.mean([task.ranks[name] for task in self.tasks], axis=0)
            error = by_seed.std(ddof=1) / np.sqrt(len(by_seed))
            width = student.ppf((1 + LEVEL) / 2, len(by_seed) - 1) * error
            found[name] = (float(by_seed.mean()), float(width))
        return dict(sorted(found.items(), key=lambda each: each[1][0]))

    @cached_property
    def claims(self) -> dict[Claim, tuple[Comparison, float]]:
        """Comparisons of the ranked activations, with p values corrected for the number of all of these."""
        made = {
            (task.name, name, other): comparison
            for task in self.tasks
            for name in self.own
            for other, comparison in (
                (REFERENCE, task.against_reference[name]),
                (task.best, task.against_best[name]),
            )
        }
        return _corrected(made)

    @cached_property
    def others(self) -> dict[Claim, tuple[Comparison, float]]:
        """Comparisons of all other activations with ReLU, corrected for the number of all of these."""
        return _corrected(
            {
                (task.name, name, REFERENCE): comparison
                for task in self.tasks
                for name, comparison in task.against_reference.items()
                if name not in self.own
            }
        )

    def difference(self, task: str, name: str, other: str = REFERENCE) -> tuple[Comparison, str]:
        """Return a comparison, and what it shows: "better", "worse", or "" where it may be chance.

        Args:
            task: Name of the task.
            name: Of the activation.
            other: What it is compared with.
        """
        comparison, p = {**self.claims, **self.others}[task, name, other]
        decided = comparison.verdict if p <= 1 - LEVEL else ""
        return comparison, {"improved": "better", "worse": "worse"}.get(decided, "")

    @cached_property
    def failures(self) -> dict[tuple[str, str], str]:
        """First error of trainings that raised, by task and activation: their seeds count for nothing."""
        return {
            (task.name, name): t.error or ""
            for task in self.tasks
            for name, same in task.trainings.items()
            for t in reversed(same)
            if t.raised
        }

    def text(self) -> str:
        """Return the ranked activations task by task, then the ranks of all."""
        return text(self)

    def latex(self) -> str:
        """Return two tables for a paper that uses the package booktabs: of the ranked activations, of all."""
        return latex(self)

    def to_dict(self) -> dict[str, Any]:
        """Return plain types, all values included."""
        return {
            "activations": {name: {"latex": get(name).latex, "rank": self._rank(name)} for name in self.own},
            "seeds": self.seeds,
            "comparisons": len(self.claims),
            "ranks": {name: {"mean": mean, "half": half} for name, (mean, half) in self.ranks.items()},
            "tasks": [self._task(task) for task in self.tasks],
            "failures": [{"task": t, "activation": n, "error": e} for (t, n), e in self.failures.items()],
        }

    def _rank(self, name: str) -> int:
        return 1 + list(self.ranks).index(name)

    def _task(self, task: TaskRanking) -> dict[str, Any]:
        known = {**self.claims, **self.others}
        return {
            "name": task.name,
            "metric": task.metric,
            "mode": task.mode,
            "best": task.best,
            "values": task.values,
            "differences": [
                _difference(known[key], key, self.difference(*key)[1]) for key in known if key[0] == task.name
            ],
        }


def _difference(known: tuple[Comparison, float], claim: Claim, shows: str) -> dict[str, Any]:
    comparison, corrected = known
    return {
        "activation": claim[1],
        "against": claim[2],
        "difference": comparison.difference,
        "ci95": comparison.ci95,
        "p_value": comparison.p_value,
        "corrected": corrected,
        "shows": shows,
        "diverged": comparison.selected_diverged + comparison.both_diverged,
    }


def _corrected(made: Mapping[Claim, Comparison]) -> dict[Claim, tuple[Comparison, float]]:
    corrected: Sequence[float] = holm([comparison.p_value for comparison in made.values()])
    return {claim: (made[claim], p) for claim, p in zip(made, corrected, strict=True)}
