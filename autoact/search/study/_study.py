"""Study of a search in memory, rebuilt from the ledger: asked what to train next, told what came of it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from autoact.errors import RunDirectoryError
from autoact.records import Phase, Training, Value
from autoact.search.optimizer import FunctionSpaceSampler
from autoact.search.study._domain import Domain
from autoact.search.study._export import Export
from autoact.search.trainings import STUDY_NAME, Pruning
from autoact.spaces import Assignment

LABEL, SEED, RAISED = "label", "seed", "raised"
_ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
_MOST_KILLED = 10_000  # trials killed in their training; a larger number in a ledger was not counted
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
        self._caught_up = False  # whether sampler and pruner have caught up
        self._enqueued: dict[str, tuple[Assignment, dict[str, Value]]] = {}
        self._surrogate = FunctionSpaceSampler(seed=settings.seed, candidates=self._uniform())
        # copies: they do the same in every search that they are given to, and on every resume
        self._sampler = self._surrogate if settings.sampler is None else deepcopy(settings.sampler)
        self._pruner = deepcopy(settings.pruner)
        self.optuna = self._new(self._sampler)
        self._export = Export.of(self.domain.search, self.label)
        for training in self._done():
            while len(self.optuna.get_trials(deepcopy=False)) < _trial(training):
                self.optuna.add_trial(create_trial(state=TrialState.FAIL))  # killed in its training
            self._add(training)

    def _new(self, sampler: optuna.samplers.BaseSampler) -> optuna.Study:
        """Return a study without trials."""
        settings = self.domain.search.settings
        return optuna.create_study(
            study_name=STUDY_NAME,
            direction="minimize" if settings.minimize else "maximize",
            sampler=sampler,
            pruner=self._pruner or optuna.pruners.NopPruner(),
        )

    def export(self) -> None:
        """Write what has ended to the file or storage that Optuna's own tools read."""
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
            self._enqueue(label)

    def _enqueue(self, label: str) -> None:
        assignment, hyperparameters = self._enqueued[label]
        values = self.domain.values(assignment, hyperparameters, partly=True)
        assert values is not None, "it was enqueued before"
        given = {LABEL: label, "hyperparameters": hyperparameters}
        self.optuna.enqueue_trial(values, user_attrs=given)

    def ask(self) -> tuple[Training, Pruning | None]:
        """Return the next training to do, and what may end it early."""
        self._catch_up()
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
        return asked, self._pruning(trial, distributions)

    def tell(self, training: Training) -> None:
        """Finish a trial with what came of its training."""
        number = _trial(training)
        self.trainings[number] = training
        self._finish(self._open.pop(number), training)
        self.export()

    def _finish(self, trial: optuna.Trial, training: Training) -> None:
        for step, value in zip(training.curve_steps, training.curve, strict=True):
            trial.report(value, step)
            if self._pruner is not None:
                trial.should_prune()  # some pruners note in the trial what they have decided
        if training.raised:
            trial.set_user_attr(RAISED, training.error or "")
        state = _state(training)
        self.optuna.tell(trial, training.selection if state == TrialState.COMPLETE else None, state)

    def _catch_up(self) -> None:
        """Before the first question: ask and tell again what earlier processes did, in the same order.

        Samplers of a user's own count on what they have drawn, and pruners on what they noted in trials. The
        surrogate needs neither: it follows from the trials.
        """
        before, self._caught_up = self._caught_up, True
        own = self.domain.search.settings.sampler is not None
        if before or not self.trainings or not (own or self._pruner):
            return
        draws = self._sampler if own else optuna.samplers.RandomSampler(seed=0)
        self.optuna, waiting = self._new(draws), dict(self._enqueued)
        for number in range(max(self.trainings) + 1):
            training = self.trainings.get(number)
            found = (label for label, asked in waiting.items() if training and _answers(training, *asked))
            label = next(found, None)
            if label is not None:
                self._enqueue(label)
                del waiting[label]
            self._repeat(training)
        for label in waiting:
            self._enqueue(label)
        self.optuna.sampler = self._sampler

    def _repeat(self, training: Training | None) -> None:
        """Ask for the next trial, and tell what came of it then; None: nothing did."""
        distributions = self.domain.distributions()
        trial = self.optuna.ask(distributions)
        frozen = None if training is None else self._frozen(training)
        if training is None or frozen is None:
            self.optuna.tell(trial, state=TrialState.FAIL)
            return
        for name, value in frozen.params.items():  # with several workers something else had been known
            if trial.params[name] != value:
                internal = distributions[name].to_internal_repr(value)
                trial.storage.set_trial_param(trial._trial_id, name, internal, distributions[name])
        for name, value in frozen.user_attrs.items():
            trial.set_user_attr(name, value)
        self._finish(trial, training)

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
        pooled.add_trials(self.optuna.get_trials(deepcopy=False, states=(*_ENDED, TrialState.FAIL)))
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
        of_phase = self.domain.search.ledger.of(self.phase)
        found = [training for training in of_phase if self.label in (None, training.label)]
        self._check(found)
        return sorted(found, key=_trial)

    def _check(self, trainings: Sequence[Training]) -> None:
        """Refuse a ledger that was changed by hand into what no search writes."""
        search, seen = self.domain.search, set[int]()
        for training in trainings:
            number = _trial(training)
            try:
                if number in seen:
                    raise ValueError("it is there twice")
                if number >= len(trainings) + _MOST_KILLED:
                    raise ValueError(f"only {len(trainings)} have ended")
                search.seeds.number(training.seed, number)
            except ValueError as error:
                raise RunDirectoryError(
                    f"{search.directory.ledger_file}: trial {number} ({training.label}) is none of this "
                    f"search: {error}. Restore the file, or start a new run in another directory."
                ) from error
            seen.add(number)

    def _add(self, training: Training) -> None:
        frozen = self._frozen(training)
        self.optuna.add_trial(frozen or create_trial(state=TrialState.FAIL))
        self.trainings[_trial(training)] = training

    def _frozen(self, training: Training, seed: int | None = None) -> FrozenTrial | None:
        """Return a training as a trial, its seed numbered; None where the study has no values for it."""
        assert training.assignment is not None
        values = self.domain.values(training.assignment, training.hyperparameters)
        if values is None:
            return None
        state, seeds = _state(training), self.domain.search.seeds
        return create_trial(
            state=state,
            value=_value(training, state),
            params=values,
            distributions=self.domain.distributions(),
            user_attrs={
                SEED: seeds.number(training.seed, _trial(training)) if seed is None else seed,
                LABEL: training.label,
                **({RAISED: training.error or ""} if training.raised else {}),
            },
            intermediate_values=dict(zip(training.curve_steps, training.curve, strict=True)),
        )

    def _pruning(self, trial: optuna.Trial, distributions: Mapping[str, BaseDistribution]) -> Pruning | None:
        settings = self.domain.search.settings
        if self._pruner is None:
            return None
        before = self.optuna.get_trials()[: trial.number]
        ended = [t if t.state in _ENDED else create_trial(state=TrialState.FAIL) for t in before]
        return Pruning(
            self._pruner,
            "minimize" if settings.minimize else "maximize",
            ended,
            trial.params,
            distributions,
        )

    def _uniform(self) -> list[dict[str, str]]:
        variables = self.domain.variables
        found = [variables.values(variables.uniform(name)) for name in variables.names]
        return [values for values in found if values is not None] if self.domain.fixed is None else []


def _trial(training: Training) -> int:
    assert training.trial is not None, "a study asked for it"
    return training.trial


def _answers(done: Training, assignment: Assignment, hyperparameters: Mapping[str, Value]) -> bool:
    return done.assignment == assignment and hyperparameters.items() <= done.hyperparameters.items()


def _state(training: Training) -> TrialState:
    if training.state == "pruned":
        return TrialState.PRUNED
    return TrialState.COMPLETE if training.usable else TrialState.FAIL


def _value(training: Training, state: TrialState) -> float | None:
    """Return the value of a trial: of a pruned one, as Optuna has it, its last one."""
    if state == TrialState.COMPLETE:
        return training.selection
    last = training.curve[-1] if state == TrialState.PRUNED and training.curve else math.nan
    return last if math.isfinite(last) else None
