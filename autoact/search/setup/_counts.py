"""Counts of trainings per phase: how a budget is divided, and what comes on top."""

from dataclasses import dataclass

from autoact.records import model_key
from autoact.search.setup._seeds import least_tuning
from autoact.search.setup._settings import Settings
from autoact.search.setup._variables import Variables


@dataclass(frozen=True, slots=True)
class Counts:
    """Full trainings per phase, at most (what is identical is trained once)."""

    one_shot: int
    trials: int
    baselines: int
    confirmation: int
    tuning_each: int = 0  # trials that tune one baseline
    tuned: int = 0  # baselines that are tuned

    @classmethod
    def of(cls, settings: Settings, variables: Variables) -> "Counts":
        """Divide the budget; count baselines and confirmation."""
        one_shot = int(variables.mixture)
        trials = settings.budget - one_shot
        models = {model_key(a) for a in (variables.original, *map(variables.uniform, variables.names))}
        tuned = len(models) if settings.parameters and trials else 0
        return cls(
            one_shot=one_shot,
            trials=trials,
            baselines=(len(models) + 1) * settings.selection_seeds,
            confirmation=3 * settings.seeds,
            tuning_each=max(trials, least_tuning(settings)) if tuned else 0,
            tuned=tuned,
        )

    @property
    def search(self) -> int:
        """The budget."""
        return self.one_shot + self.trials

    @property
    def tuning(self) -> int:
        """Trainings that tune the baselines."""
        return self.tuned * self.tuning_each

    @property
    def total(self) -> int:
        """Everything."""
        return self.search + self.tuning + self.baselines + self.confirmation
