"""Pruning of trials where they are trained: an Optuna pruner that judges by what was known at their start."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

STUDY_NAME = "search"  # of every study in memory: Hyperband derives from it and the number who competes


@dataclass
class Pruning:
    """A decision after each validation of one trial; plain data until it is called, so that it can travel.

    The trials that had ended when this one began are what it is compared with: the decision is the same on
    every machine, and no worker needs the study.

    Attributes:
        pruner: Any Optuna pruner.
        direction: "minimize" or "maximize".
        ended: The trials with smaller numbers, those that had not ended as failed ones.
        values: Parameters of this trial.
        distributions: What they were drawn from.
    """

    pruner: optuna.pruners.BasePruner
    direction: Literal["minimize", "maximize"]
    ended: Sequence[FrozenTrial]
    values: Mapping[str, Any]
    distributions: Mapping[str, BaseDistribution]
    _trial: optuna.Trial | None = field(default=None, init=False)

    def __call__(self, step: int, value: float) -> bool:
        """Tell whether to end the trial after a value at an optimizer step."""
        if self._trial is None:
            study = optuna.create_study(study_name=STUDY_NAME, pruner=self.pruner, direction=self.direction)
            study.add_trials(self.ended)
            study.enqueue_trial(dict(self.values))
            self._trial = study.ask(dict(self.distributions))
        self._trial.report(value, step)
        return self._trial.should_prune()
