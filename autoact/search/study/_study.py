"""Study of a search in memory, rebuilt from the ledger: asked what to train next, told what came of it."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace

import optuna
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from autoact.errors import RunDirectoryError
from autoact.records import Phase, Training, Value
from autoact.search.optimizer import FunctionSpaceSampler
from autoact.search.study._domain import Domain
from autoact.search.study._export import Export
from autoact.search.study._frozen import LABEL, RAISED, SEED, frozen_trial, state_of, trial_of
from autoact.search.trainings import STUDY_NAME, Pruning
from autoact.spaces import Assignment

_SEEDS, _SEEDS_TUNED = 3, 2  # that trials take in turn, without hyperparameters and with them
_ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
_MOST_KILLED = 10_000  # trials killed in their training; a larger number in a ledger was not counted
_EVIDENCE_SEEDS = 10**9  # numbers of seeds from which on they belong to other phases


@dataclass
class Study:
    """The study of one search, or of the tuning of one baseline.

    Trainings of baselines on seeds of the search are its trials as well, though it did not ask for them.

    Attributes:
        domain: What it varies.
        phase: Phase of the trainings that it asks for.
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
        seeds = _SEEDS_TUNED if settings.parameters else _SEEDS
        self._surrogate = FunctionSpaceSampler(
            seed=settings.seed, seeds=seeds, candidates=self._uniform(), costs=self.domain.costs
        )
        # copies: they do the same in every search that they are given to, and on every resume
        self._sampler = self._surrogate if settings.sampler is None else deepcopy(settings.sampler)
        self._pruner = deepcopy(settings.pruner)
        self.optuna = self._new(self._sampler)
        self._export = Export.of(self.domain.search, self.label, self._directions)
        for training in self._done():
            self._add(training)

    def _new(self, sampler: optuna.samplers.BaseSampler) -> optuna.Study:
        """Return a study without trials."""
        return optuna.create_study(
            study_name=STUDY_NAME,
            directions=self._directions,
            sampler=sampler,
            pruner=self._pruner or optuna.pruners.NopPruner(),
        )

    @property
    def _directions(self) -> list[StudyDirection]:
        """What becomes of the value, and of the cost where there are two goals."""
        small, large = StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE
        value = small if self.domain.search.settings.minimize else large
        return [value] if self.domain.costs is None else [value, small]

    def export(self) -> None:
        """Write what has ended to the file or storage that Optuna's own tools read."""
        self._export.write(self.optuna.get_trials(deepcopy=False))

    @property
    def spent(self) -> float:
        """Full trainings that it has cost, of those that it asked for."""
        return sum(training.share for training in self.trainings.values() if training.phase == self.phase)

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
        distributions = self.domain.distributions
        trial = self.optuna.ask(distributions)
        self._open[trial.number] = trial
        assignment = self.domain.assignment(trial.params)
        raced = self.domain.search.raced_with(assignment)
        number = self._surrogate.next_seed(self.optuna, trial, raced)
        label = self.label or trial.user_attrs.get(LABEL, f"trial {trial.number}")
        trial.set_user_attr(SEED, number)
        trial.set_user_attr(LABEL, trial.user_attrs.get(LABEL, label))
        searched = {one.name: trial.params[one.name] for one in self.domain.search.hyperparameters}
        asked = Training(
            phase=self.phase,
            label=label,
            assignment=assignment,
            hyperparameters={**searched, **trial.user_attrs.get("hyperparameters", {})},
            seed=self.domain.search.seeds.trial(number),
            trial=trial.number,
        )
        return asked, self._pruning(trial, distributions)

    def tell(self, training: Training) -> None:
        """Finish a trial with what came of its training."""
        number = trial_of(training)
        self.trainings[number] = training
        self._finish(self._open.pop(number), training)
        self.export()

    def numbered(self, asked: Sequence[Training]) -> list[Training]:
        """Return trainings that it did not ask for with the numbers of the trials that they are going to be.

        Args:
            asked: The trainings. Those of models that it has no values for are no trials.
        """
        number, found = len(self.optuna.get_trials(deepcopy=False)), []
        for training in asked:
            done = self.domain.search.ledger.find(training) is not None
            if not done and frozen_trial(self.domain, training, 0) is not None:
                training, number = replace(training, trial=number), number + 1
            found.append(training)
        return found

    def add(self, trainings: Sequence[Training]) -> None:
        """Tell of trainings that it did not ask for, each once."""
        for training in sorted((t for t in trainings if t.trial is not None), key=trial_of):
            if trial_of(training) not in self.trainings:
                self._add(training)
        self.export()

    def _finish(self, trial: optuna.Trial, training: Training) -> None:
        curve = zip(training.curve_steps, training.curve, strict=True)
        for step, value in curve if self.domain.costs is None else ():  # Optuna takes none of two goals
            trial.report(value, step)
            if self._pruner is not None:
                trial.should_prune()  # some pruners note in the trial what they have decided
        if training.raised:
            trial.set_user_attr(RAISED, training.error or "")
        state = state_of(training)
        told = self.domain.told(training.selection, trial.params) if state == TrialState.COMPLETE else None
        self.optuna.tell(trial, told, state)

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
            asked_for = training if training is not None and training.phase == self.phase else None
            found = (label for label, asked in waiting.items() if asked_for and _answers(asked_for, *asked))
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
        if training is not None and training.phase != self.phase:
            return self._add(training)
        distributions = self.domain.distributions
        trial = self.optuna.ask(distributions)
        frozen = None if training is None else frozen_trial(self.domain, training)
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

    def ranked(self) -> list[Training]:
        """Return the trainings that have a value, the one whose model has the best posterior mean first."""
        sign = self.domain.search.settings.sign
        usable = [training for training in self.trainings.values() if training.usable]
        believed = self.posterior(usable)
        return sorted(usable, key=lambda training: sign * believed[training.key][0])

    def posterior(
        self, models: Sequence[Training], evidence: Iterable[Training] = ()
    ) -> dict[str, tuple[float, float]]:
        """Return what is believed of models by their keys: mean and standard deviation of their values.

        Args:
            models: Trainings of them; those that the study has no values for are left out.
            evidence: Trainings of other phases; those that are no trials count as well.
        """
        trials, numbers = self.optuna.get_trials(deepcopy=False), dict[int, int]()
        pooled: list[FrozenTrial] = []
        for training in (t for t in evidence if t.trial is None):
            number = numbers.setdefault(training.seed, _EVIDENCE_SEEDS + len(numbers))
            if (trial := frozen_trial(self.domain, training, number)) is not None:
                trial.number = len(trials) + len(pooled)
                pooled.append(trial)
        asked = {training.key: frozen_trial(self.domain, training, 0) for training in models}
        known = {key: trial for key, trial in asked.items() if trial is not None}
        if not any(trial.state == TrialState.COMPLETE for trial in (*trials, *pooled)):
            return {}
        found = self._surrogate.posterior(self.optuna, list(known.values()), pooled)
        return dict(zip(known, found, strict=True))

    def _done(self) -> list[Training]:
        """Return the trainings of the ledger that are the study's, by number of the trial."""
        ledger = self.domain.search.ledger
        found = [training for training in ledger.of(self.phase) if self.label in (None, training.label)]
        found += [t for t in ledger.of("baseline") if self.label is None and t.trial is not None]
        self._check(found)
        return sorted(found, key=trial_of)

    def _check(self, trainings: Sequence[Training]) -> None:
        """Refuse a ledger that was changed by hand into what no search writes."""
        search, seen = self.domain.search, set[int]()
        for training in trainings:
            number = trial_of(training)
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
        number = trial_of(training)
        if number - 1 not in self.trainings:  # else all before it are there; to ask Optuna copies the list
            while len(self.optuna.get_trials(deepcopy=False)) < number:
                self.optuna.add_trial(create_trial(state=TrialState.FAIL))  # killed in its training
        frozen = frozen_trial(self.domain, training)
        self.optuna.add_trial(frozen or create_trial(state=TrialState.FAIL))
        self.trainings[trial_of(training)] = training

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


def _answers(done: Training, assignment: Assignment, hyperparameters: Mapping[str, Value]) -> bool:
    return done.assignment == assignment and hyperparameters.items() <= done.hyperparameters.items()
