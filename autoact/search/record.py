"""The Optuna study as a record of trainings that others chose: one trial per training, never left RUNNING."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import optuna
from optuna.trial import Trial, TrialState

from autoact.search.domain import Domain
from autoact.search.ledger import Entry
from autoact.search.state import Search
from autoact.search.study import ASSIGNMENT, LABEL, connect
from autoact.search.tuned import Tuned
from autoact.spaces import Assignment

_CONTINUES, _STEP = "continues", 1000  # steps of a whole training, where nobody counts optimizer steps


@dataclass
class Record:
    """Enters trainings into a study as they go, with the value at every pause, for Optuna's own tools.

    A training that is paused stays RUNNING in this process, and is PRUNED when it will not go on: at the end
    of the search, or when a process ends. If a later process goes on with it, that is a trial of its own,
    which names the first one.
    """

    study: optuna.Study
    domain: Domain
    steps: float
    _open: dict[int, Trial] = field(default_factory=dict, init=False)

    def begin(self, assignment: Assignment, label: str | None = None, earlier: Sequence[Entry] = ()) -> int:
        """Return the number of the trial of a training that starts or goes on.

        Args:
            assignment: The activations.
            label: What the training is called; None calls it by its number.
            earlier: Its entries so far.
        """
        before = earlier[-1].trial if earlier else None
        if before is not None and before in self._open:
            return before
        given: dict[str, object] = {ASSIGNMENT: assignment.to_dict()["layers"]}
        given |= {_CONTINUES: before} if before is not None else {}
        self.study.enqueue_trial(self.domain.encode(Tuned(assignment)), user_attrs=given)
        trial = self.study.ask()
        trial.set_user_attr(LABEL, label or f"trial {trial.number}")
        self.domain.suggest(trial)
        self._open[trial.number] = trial
        for entry in earlier:
            self._report(trial, entry)
        return trial.number

    def label(self, trial: int) -> str:
        """Return what an open trial is called."""
        return str(self._open[trial].user_attrs[LABEL])

    def tell(self, entry: Entry) -> None:
        """Enter what came of a training, or of a part of it."""
        assert entry.trial is not None
        trial = self._open[entry.trial]
        self._report(trial, entry)
        if not entry.usable:
            self._close(trial, TrialState.FAIL)
        elif entry.stop >= 1:
            self._close(trial, TrialState.COMPLETE, entry.selection)

    def close(self) -> None:
        """Prune the trials that are paused, fail those whose training has been interrupted."""
        for trial in list(self._open.values()):
            frozen = self.study.trials[trial.number]
            self._close(trial, TrialState.PRUNED if frozen.intermediate_values else TrialState.FAIL)

    def reconcile(self, entries: Sequence[Entry]) -> None:
        """Agree with the ledger about trials that a killed process left open."""
        for _ in self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            self.study.tell(self.study.ask(), state=TrialState.FAIL)  # killed between two lines of `begin`
        known = {entry.trial: entry for entry in entries}
        for frozen in self.study.get_trials(states=(TrialState.RUNNING,)):
            entry = known.get(frozen.number)
            if entry is None or not entry.usable:
                self.study.tell(frozen.number, state=TrialState.FAIL)
            elif entry.stop >= 1:
                self.study.tell(frozen.number, entry.selection)
            else:
                self.study.tell(frozen.number, state=TrialState.PRUNED)

    def _report(self, trial: Trial, entry: Entry) -> None:
        if entry.usable:
            whole = self.steps if 0 < self.steps < float("inf") else _STEP
            trial.report(entry.selection, round(entry.stop * whole))

    def _close(self, trial: Trial, state: TrialState, value: float | None = None) -> None:
        del self._open[trial.number]
        self.study.tell(trial, value, state)


def open_record(search: Search) -> Record:
    """Open the study of a guided search, or make it, and have it agree with the ledger."""
    domain = Domain(search.variables, search.settings.hyperparameters)
    directory = search.directory
    study = connect(directory.study_file, directory.configuration()["study"], domain, search.settings)
    record = Record(study, domain, search.steps)
    record.reconcile(list(search.ledger.of("trial")))
    return record
