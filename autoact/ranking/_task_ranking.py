"""Ranking on one task: trainings of every activation on the same seeds, and what they say of each other."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

import numpy as np
from scipy.stats import rankdata

from autoact.ranking._opponents import REFERENCE
from autoact.records import Comparison, Training
from autoact.search.setup import Mode
from autoact.search.statistics import compare_trainings


@dataclass(frozen=True, eq=False, kw_only=True)
class TaskRanking:
    """Trainings of all activations on one task.

    Attributes:
        name: Of the task.
        metric: The monitored value.
        mode: Whether it is to become small ("min") or large ("max").
        own: The activations that are ranked.
        trainings: By activation, one per seed, in the same order of seeds.

    Example:
        >>> from autoact.spaces import Assignment
        >>> def trained(name, *values):
        ...     how = {"phase": "confirmation", "label": name, "assignment": Assignment({"a": name})}
        ...     return [
        ...         Training(**how, seed=n, state="finished", selection=v, comparison=v)
        ...         for n, v in enumerate(values)
        ...     ]
        >>> values = {"elu": trained("elu", 0.1, 0.2), "relu": trained("relu", 0.2, 0.35)}
        >>> task = TaskRanking(name="t", metric="val_loss", mode="min", own=("elu",), trainings=values)
        >>> task.best, task.ranks["elu"], round(task.against_reference["elu"].difference, 3)
        ('relu', [1.0, 1.0], 0.125)
    """

    name: str
    metric: str
    mode: Mode
    own: Sequence[str]
    trainings: Mapping[str, Sequence[Training]]

    @property
    def values(self) -> dict[str, list[float]]:
        """The metric on comparison rows by activation and seed; NaN where a training did not end finite."""
        return {
            name: [math.nan if t.comparison is None else t.comparison for t in same]
            for name, same in self.trainings.items()
        }

    @cached_property
    def best(self) -> str:
        """Best of the others by the mean on selection rows, so that no comparison row has chosen it."""
        sign = 1.0 if self.mode == "min" else -1.0
        means = {
            name: fmean(sign * t.selection for t in same)
            for name, same in self.trainings.items()
            if name not in self.own and all(t.usable for t in same)
        }
        return min(means, key=means.__getitem__, default=REFERENCE)

    @cached_property
    def against_reference(self) -> dict[str, Comparison]:
        """Every activation but ReLU against it."""
        return {name: self._against(name, REFERENCE) for name in self.trainings if name != REFERENCE}

    @cached_property
    def against_best(self) -> dict[str, Comparison]:
        """Activations that are ranked against the best of the others."""
        return {name: self._against(name, self.best) for name in self.own}

    def _against(self, name: str, other: str) -> Comparison:
        return compare_trainings(self.trainings[name], self.trainings[other], self.mode, name=other)

    @cached_property
    def ranks(self) -> dict[str, list[float]]:
        """Rank among all by seed, 1 for the best; equal values share theirs, what diverged is last."""
        values = self.values
        by_seed = ranks(np.array(list(values.values())).T, self.mode)
        return {name: by_seed[:, place].tolist() for place, name in enumerate(values)}


def ranks(values: np.ndarray, mode: str = "min") -> np.ndarray:
    """Return ranks along the last axis, 1 for the best; equal values share one, what is not finite is last.

    Args:
        values: (..., activations).
        mode: "min" where a smaller value is better, or "max".

    Example:
        >>> ranks(np.array([0.3, np.nan, 0.1, 0.3])).tolist()
        [2.5, 4.0, 1.0, 2.5]
    """
    signed = values if mode == "min" else -values
    return np.asarray(rankdata(np.where(np.isfinite(values), signed, np.inf), axis=-1))
