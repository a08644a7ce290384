"""Counts of trainings per phase: how a budget is divided, and what comes on top."""

from dataclasses import dataclass

from autoact.records import model_key
from autoact.search.setup._seeds import least_tuning
from autoact.search.setup._settings import Settings
from autoact.search.setup._variables import Variables

_COMPARED = 3  # models: the selected, the original, the best uniform
_FINALISTS = 5  # of the selection, at most
FIRST_TRAININGS = (
    10  # trials before baselines: told first, these mislead where layers want different functions
)
FRONT = 4  # models of the front beside the selected, at most


@dataclass(frozen=True, slots=True)
class Counts:
    """Full trainings per phase, at most (what is identical is trained once)."""

    one_shot: int
    trials: int
    baselines: int
    confirmation: int
    models: int = 1  # the original and the uniform ones
    better: int = 1  # the better half of these, which go on to a second seed
    finalists: int = 2  # of the selection: the choice, and the best of all others and of these
    tuned: int = 0  # baselines that are tuned
    least_tuning: int = 0  # trials that each of them gets, however few the search has
    front: int = 0  # of a search for two goals: finalists beside these, compared with the original, too

    @classmethod
    def of(cls, settings: Settings, variables: Variables) -> "Counts":
        """Divide the budget; count baselines and confirmation."""
        one_shot = int(variables.mixture)
        trials = settings.planned_budget - one_shot
        models = {model_key(a) for a in (variables.original, *map(variables.uniform, variables.names))}
        better, finalists = race(len(models), settings.selection_seeds)
        front = 0 if settings.pareto is None else FRONT
        tuned = len(models) if settings.parameters and trials else 0
        return cls(
            one_shot=one_shot,
            trials=trials,
            baselines=len(models) + better + (finalists + front) * settings.selection_seeds,
            confirmation=(_COMPARED + front) * settings.seeds,
            models=len(models),
            better=better,
            finalists=finalists,
            tuned=tuned,
            least_tuning=least_tuning(settings) if tuned else 0,
            front=front,
        )

    @property
    def compared(self) -> int:
        """Models of the confirmation."""
        return _COMPARED + self.front

    @property
    def selected_from(self) -> int:
        """Models on the seeds of the selection."""
        return self.finalists + self.front

    @property
    def search(self) -> int:
        """The budget."""
        return self.one_shot + self.trials

    @property
    def tuning_each(self) -> int:
        """Trials that tune one baseline."""
        return max(self.trials, self.least_tuning) if self.tuned else 0

    @property
    def tuning(self) -> int:
        """Trainings that tune the baselines."""
        return self.tuned * self.tuning_each

    @property
    def total(self) -> int:
        """Everything."""
        return self.search + self.tuning + self.baselines + self.confirmation

    def after(self, trials: int) -> int:
        """Return the trainings that follow on a search of so many trials."""
        return self.tuned * max(trials, self.least_tuning) + self.baselines + self.confirmation

    def cut(self, room: int) -> tuple[int, int]:
        """Return the trials, and the seeds of the confirmation, that time leaves: first trials are cut.

        Args:
            room: Full trainings that fit into the time.

        Example:
            >>> counts = Counts(one_shot=1, trials=19, baselines=27, confirmation=30)
            >>> counts.cut(100), counts.cut(60), counts.cut(40)
            ((19, 10), (2, 10), (0, 4))
        """
        rest = room - self.one_shot - self.baselines - self.confirmation
        trials = rest // (1 + self.tuned)
        if trials < self.least_tuning:
            trials = rest - self.tuned * self.least_tuning
        seeds = (self.confirmation + min(trials, 0)) // self.compared
        return max(min(trials, self.trials), 0), max(seeds, 0)


def race(models: int, seeds: int) -> tuple[int, int]:
    """Return how many baselines go on to a second seed of the search, and how many models are finalists.

    They cost no more than all baselines and the choice on all seeds of the selection would; on one seed, with
    two finalists, one training more.

    Args:
        models: Baselines, each trained on one seed of the search.
        seeds: Of the selection, on which every finalist is trained.

    Example:
        >>> race(8, 3), race(3, 3), race(1, 1)
        ((4, 5), (2, 2), (0, 2))
    """
    better = -(-models // 2) if seeds > 1 else 0
    room = (models + 1) * seeds - models - better
    return better, min(max(room // seeds, 2), _FINALISTS)
