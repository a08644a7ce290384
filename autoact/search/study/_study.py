"""Study of a search in memory, rebuilt from the ledger: asked what to train next, told what came of it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from autoact.records import Phase, Training, Value
from autoact.search.optimizer import FunctionSpaceSampler
from autoact.search.study._domain import Domain
from autoact.search.study._export import Export
from autoact.search.trainings import Pruning
from autoact.spaces import Assignment

LABEL, SEED = "label", "seed"
_STATES = {"finished": TrialState.COMPLETE, "pruned": TrialState.PRUNED}
_EVIDENCE_SEEDS = 10**9  # numbers of seeds from which on they belong to other phases


@dataclass
class Study:
    """The study of one search, or of the tuning of one baseline.

    Attributes:
        domain: What it varies.
        phase: Phase of its trainings.
        label: Label of its trainings; None labels each by its number.
    """

    domain: Domain
    phase: Phase = "trial"
    label: str | None = None
    trainings: dict[int, Training] = field(default_factory=dict, init=False)
    _open: dict[int, optuna.Trial] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        """Rebuild it from the ledger."""
        settings = self.domain.search.settings
        self._enqueued: dict[str, tuple[Assignment, dict[str, Value]]] = {}
        self._surrogate = FunctionSpaceSampler(seed=settings.seed, candidates=self._uniform())
        self.optuna = optuna.create_study(
            direction="minimize" if settings.minimize else "maximize",
            sampler=self._surrogate if settings.sampler is None else settings.sampler,
            pruner=settings.pruner or optuna.pruners.NopPruner(),
        )
        self._export = Export.of(self.domain.search, self.label)
        for training in self._done():
            while len(self.optuna.get_trials(deepcopy=False)) < (training.trial or 0):
                self.optuna.add_trial(create_trial(state=TrialState.FAIL))  # killed in its training
            self._add(training)
        self._export.write(self.optuna.get_trials(deepcopy=False))

    @property
    def spent(self) -> float:
        """Full trainings that it has cost."""
        return sum(training.share for training in self.trainings.values())

    def enqueue(self, label: str, assignment: Assignment, hyperparameters: Mapping[str, Value]) -> None:
        """Have something tried before what the sampler thinks of: once, and only if it may be chosen.

        Args:
            label: What the trial is called.
            assignment: The activations.
            hyperparameters: What to train it with, tried even outside of the searched ranges; the sampler
                chooses what is not given, or is no number where a range is searched.
        """
        values = self.domain.values(assignment, hyperparameters, partly=True)
        if values is None or label in self._enqueued:
            return
        near = self.domain.search.hyperparameters.encode(hyperparameters)
        asked = (assignment, {name: hyperparameters[name] for name in near})
        before = sum(asked == other for other in self._enqueued.values())
        self._enqueued[label] = asked
        if sum(_answers(done, *asked) for done in self.trainings.values()) <= before:
            given = {LABEL: label, "hyperparameters": asked[1]}
            self.optuna.enqueue_trial(values, user_attrs=given)

    def ask(self) -> tuple[Training, Pruning | None]:
        """Return the next training to do, and what may end it early."""
        distributions = self.domain.distributions()
        trial = self.optuna.ask(distributions)
        self._open[trial.number] = trial
        number = self._surrogate.next_seed(self.optuna, trial)
        label = self.label or trial.user_attrs.get(LABEL, f"trial {trial.number}")
        trial.set_user_attr(SEED, number)
        trial.set_user_attr(LABEL, trial.user_attrs.get(LABEL, label))
        searched = {one.name: trial.params[one.name] for one in self.domain.search.hyperparameters}
        asked = Training(
            phase=self.phase,
            label=label,
            assignment=self.domain.assignment(trial.params),
            hyperparameters={**searched, **trial.user_attrs.get("hyperparameters", {})},
            seed=self.domain.search.seeds.trial(number),
            trial=trial.number,
        )
        return asked, self._pruning(trial.params, distributions)

    def tell(self, training: Training) -> None:
        """Finish a trial with what came of its training."""
        assert training.trial is not None
        self.trainings[training.trial] = training
        trial = self._open.pop(training.trial)
        for step, value in zip(training.curve_steps, training.curve, strict=True):
            trial.report(value, step)
            if self.domain.search.settings.pruner is not None:
                trial.should_prune()  # some pruners note in the trial what they have decided
        state = _STATES.get(training.state, TrialState.FAIL)
        self.optuna.tell(trial, training.selection if state == TrialState.COMPLETE else None, state)
        self._export.write(self.optuna.get_trials(deepcopy=False))

    def best(self) -> Training | None:
        """Return the training whose model has the best posterior mean; None if nothing has trained."""
        if not any(training.usable for training in self.trainings.values()):
            return None
        return self.trainings[self._surrogate.best_trial(self.optuna).number]

    def posterior(
        self, models: Sequence[Training], evidence: Iterable[Training] = ()
    ) -> dict[str, tuple[float, float]]:
        """Return what is believed of models by their keys: mean and standard deviation of their values.

        Args:
            models: Trainings of them; those that the study has no values for are left out.
            evidence: Trainings of other phases, which count as well.
        """
        pooled = optuna.create_study(direction=self.optuna.direction)
        pooled.add_trials(self.optuna.get_trials(deepcopy=False, states=(*_STATES.values(), TrialState.FAIL)))
        numbers: dict[int, int] = {}
        for training in evidence:
            number = numbers.setdefault(training.seed, _EVIDENCE_SEEDS + len(numbers))
            if (trial := self._frozen(training, number)) is not None:
                pooled.add_trial(trial)
        asked = {training.key: self._frozen(training, 0) for training in models}
        known = {key: trial for key, trial in asked.items() if trial is not None}
        if not any(trial.state == TrialState.COMPLETE for trial in pooled.get_trials(deepcopy=False)):
            return {}
        found = self._surrogate.posterior(pooled, list(known.values()))
        return dict(zip(known, found, strict=True))

    def _done(self) -> list[Training]:
        """Return the trainings of the ledger that are the study's, by number of the trial."""
        found = [
            training
            for training in self.domain.search.ledger.of(self.phase)
            if training.trial is not None and self.label in (None, training.label)
        ]
        return sorted(found, key=lambda training: training.trial or 0)

    def _add(self, training: Training) -> None:
        frozen = self._frozen(training, self.domain.search.seeds.number(training.seed))
        self.optuna.add_trial(frozen or create_trial(state=TrialState.FAIL))
        self.trainings[len(self.optuna.get_trials(deepcopy=False)) - 1] = training

    def _frozen(self, training: Training, seed: int) -> FrozenTrial | None:
        """Return a training as a trial; None where the study has no values for it."""
        assert training.assignment is not None
        values = self.domain.values(training.assignment, training.hyperparameters)
        if values is None:
            return None
        state = _STATES.get(training.state, TrialState.FAIL)
        return create_trial(
            state=state,
            value=_value(training, state),
            params=values,
            distributions=self.domain.distributions(),
            user_attrs={SEED: seed, LABEL: training.label},
            intermediate_values=dict(zip(training.curve_steps, training.curve, strict=True)),
        )

    def _pruning(
        self, values: Mapping[str, Any], distributions: Mapping[str, BaseDistribution]
    ) -> Pruning | None:
        pruner = self.domain.search.settings.pruner
        if pruner is None:
            return None
        ended = self.optuna.get_trials(states=(*_STATES.values(),))
        minimize = self.domain.search.settings.minimize
        return Pruning(pruner, "minimize" if minimize else "maximize", ended, values, distributions)

    def _uniform(self) -> list[dict[str, str]]:
        variables = self.domain.variables
        found = [variables.values(variables.uniform(name)) for name in variables.names]
        return [values for values in found if values is not None] if self.domain.fixed is None else []


def _answers(done: Training, assignment: Assignment, hyperparameters: Mapping[str, Value]) -> bool:
    return done.assignment == assignment and hyperparameters.items() <= done.hyperparameters.items()


def _value(training: Training, state: TrialState) -> float | None:
    """Return the value of a trial: of a pruned one, as Optuna has it, its last one."""
    if state == TrialState.COMPLETE:
        return training.selection
    last = training.curve[-1] if state == TrialState.PRUNED and training.curve else math.nan
    return last if math.isfinite(last) else None
