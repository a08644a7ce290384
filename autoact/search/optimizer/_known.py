"""Knowledge of a study: what it has shown of its layers and hyperparameters, and the process on that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from optuna.trial import FrozenTrial

from autoact.search.optimizer._gaussian_process import GaussianProcess
from autoact.search.optimizer._kernel import Array, AssignmentKernel
from autoact.search.optimizer._known_costs import KnownCosts
from autoact.search.optimizer._latest_fit import LatestFit
from autoact.search.optimizer._observations import HyperparameterSpace, Observations, Points
from autoact.search.optimizer._trial_observations import SEED_ATTRIBUTE, LayerSpace


@dataclass
class Known:
    """What a study has shown of its layers and hyperparameters, and the process conditioned on it."""

    layers: LayerSpace
    hyperparameters: HyperparameterSpace
    trials: Sequence[FrozenTrial]
    seen: Observations
    kernel: AssignmentKernel
    fit: LatestFit
    costs: KnownCosts | None = None

    @cached_property
    def process(self) -> GaussianProcess:
        return self.fit(self.kernel, self.seen)

    def means(self, trials: Sequence[FrozenTrial]) -> Points:
        """Return the points of the mean values of some trials' configurations."""
        rows = np.array([self.layers.number(trial) for trial in trials], dtype=np.intp)
        numbers = np.array([self.hyperparameters.numbers(trial) for trial in trials], dtype=np.float64)
        return Points.means(
            rows.reshape(len(trials), len(self.layers.names)),
            numbers.reshape(len(trials), self.hyperparameters.width),
        )

    def running(self, trials: Sequence[FrozenTrial], usual: Array) -> Points:
        """Return the points of running trials, with usual hyperparameters where theirs are not drawn yet."""
        rows = np.array([self.layers.number(trial) for trial in trials], dtype=np.intp)
        numbers = [self.hyperparameters.numbers(trial) for trial in trials]
        hyperparameters = np.array([usual if own is None else own for own in numbers], dtype=np.float64)
        seeds = None
        if self.seen.seeds is not None:
            told = [trial.user_attrs.get(SEED_ATTRIBUTE, -1 - trial.number) for trial in trials]
            seeds = np.array(told, dtype=np.intp)
        runs = np.array([trial.number for trial in trials], dtype=np.intp)
        return Points(rows, np.ones(len(rows)), runs, hyperparameters.reshape(len(rows), -1), seeds)
