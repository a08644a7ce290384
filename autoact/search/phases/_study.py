"""The Optuna study of a search: one trial per training, always consistent with the ledger."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from autoact.search.domain import Domain
from autoact.search.hyperparameters import Value
from autoact.search.ledger import Entry, Ledger
from autoact.search.seeds import sampler_seed
from autoact.search.settings import Settings
from autoact.search.stage import SEARCH_STAGE, Stage
from autoact.search.tuned import Tuned
from autoact.search.variables import Variables
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from autoact.errors import ConfigurationError, RunDirectoryError
from autoact.spaces import Assignment

LABEL, ASSIGNMENT = "label", "assignment"
_VARIABLES, _RETRY, _HYPERPARAMETERS = "variables", "retry_of", "hyperparameters"
_KEPT = (LABEL, ASSIGNMENT, _HYPERPARAMETERS)
_RANDOM_SHARE = 4  # one in four trials is drawn at random before TPE has enough to go on


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a study wants to know: the value of one assignment, trained with some hyperparameters."""

    trial: int
    label: str
    tuned: Tuned

    @property
    def assignment(self) -> Assignment:
        """The activations."""
        return self.tuned.assignment


class ActivationStudy:
    """An Optuna study over assignments, asked and told by one process.

    The sampler is seeded for every trial from the search's seed and the number of values it has been told, so
    that a study which goes on after an interruption asks what it would have asked without one.
    """

    def __init__(self, study: optuna.Study, domain: Domain, settings: Settings) -> None:
        self._study, self._domain, self._settings = study, domain, settings
        self._open: set[int] = set()
        self._startup = max(3, settings.budget // _RANDOM_SHARE)
        self._asked = 0

    def enqueue(
        self, assignment: Assignment, label: str, hyperparameters: Mapping[str, Value] | None = None
    ) -> None:
        """Have an assignment tried before what the sampler thinks of: once, and only if it may be chosen.

        Args:
            assignment: The activations.
            label: What the trial is called.
            hyperparameters: What to train it with, tried even outside the searched range; the sampler chooses
                what is not given.
        """
        if not self._domain.allows(assignment):
            return
        tuned = Tuned(assignment, hyperparameters or {})
        if label not in {trial.user_attrs.get(LABEL) for trial in self._study.trials}:
            # Parameters may only be near to the assignment (clipped, one for a group): keep what is meant.
            attributes = {
                LABEL: label,
                ASSIGNMENT: assignment.to_dict()["layers"],
                _HYPERPARAMETERS: dict(tuned.hyperparameters),
            }
            self._study.enqueue_trial(self._domain.encode(tuned), user_attrs=attributes)

    def ask(self) -> Proposal:
        """Start the next trial."""
        self._study.sampler = optuna.samplers.TPESampler(
            seed=sampler_seed(self._settings.seed, self._asked), n_startup_trials=self._startup
        )
        self._asked += 1
        trial = self._study.ask()
        self._open.add(trial.number)
        suggested, given = self._domain.suggest(trial), trial.user_attrs
        assignment = (
            Assignment.from_dict({"layers": given[ASSIGNMENT]})
            if ASSIGNMENT in given
            else suggested.assignment
        )
        values = {**suggested.hyperparameters, **given.get(_HYPERPARAMETERS, {})}
        return Proposal(trial.number, given.get(LABEL) or f"trial {trial.number}", Tuned(assignment, values))

    def tell(self, entry: Entry) -> None:
        """Finish a trial with what its training gave; a value that is not finite makes it FAIL."""
        assert entry.trial is not None
        self._open.discard(entry.trial)
        if entry.usable:
            self._study.tell(entry.trial, entry.selection)
        else:
            self._study.tell(entry.trial, state=TrialState.FAIL)

    def abandon(self) -> None:
        """Fail the trials whose trainings have been interrupted, and put them back into the queue."""
        while self._open:
            self._requeue(self._study.trials[self._open.pop()])

    def reconcile(self, trained: Iterable[Entry]) -> None:
        """Agree with the ledger: tell trials whose training it has, put back those of a killed process."""
        done = {entry.trial: entry for entry in trained}
        self._asked = len(done)
        for trial in self._study.get_trials(states=(TrialState.RUNNING,)):
            if trial.number in done:
                self.tell(done[trial.number])
            else:
                self._requeue(trial)

    def _requeue(self, trial: FrozenTrial) -> None:
        self._study.tell(trial.number, state=TrialState.FAIL)
        parameters = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
        if parameters:
            kept = {name: trial.user_attrs[name] for name in _KEPT if name in trial.user_attrs}
            self._study.enqueue_trial(parameters, user_attrs={**kept, _RETRY: trial.number})


def open_study(
    file: Path,
    name: str,
    variables: Variables,
    settings: Settings,
    ledger: Ledger,
    stage: Stage = SEARCH_STAGE,
) -> ActivationStudy:
    """Open the study of a run, or make it, and have it agree with the ledger.

    Args:
        file: SQLite file of the run, used unless the settings name another storage.
        name: Name of the study.
        variables: What it varies; compared with those of an existing study.
        settings: The settings of the search.
        ledger: The trainings that are done.
        stage: Which of them are the study's, and the activations that it holds fixed.

    Raises:
        ConfigurationError: The storage cannot be used, or the study varies something else.
        RunDirectoryError: The run's own study cannot be read.
    """
    domain = Domain(variables, settings.hyperparameters, stage.fixed)
    opened = ActivationStudy(connect(file, name, domain, settings), domain, settings)
    opened.reconcile(stage.trials(ledger))
    return opened


def connect(file: Path, name: str, domain: Domain, settings: Settings) -> optuna.Study:
    """Return the Optuna study of a run; made if it is not there; see `open_study`."""
    with quiet_optuna():
        try:
            study = (
                _shared(settings, name, domain) if settings.storage else _own(file, name, domain, settings)
            )
        except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
            raise RunDirectoryError(
                f"The study in {settings.storage or file} cannot be opened: {_first_line(error)}"
            ) from error
    _require_same(study.user_attrs.get(_VARIABLES, {}), domain.description())
    return study


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Hide Optuna's log below warnings, and put its verbosity back afterwards."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(verbosity)


def _own(file: Path, name: str, domain: Domain, settings: Settings) -> optuna.Study:
    if not file.exists():
        # Whole or not at all: a kill while Optuna makes its tables must leave no half study.
        partial = file.with_name(f".{file.name}.partial")
        partial.unlink(missing_ok=True)
        storage = _sqlite(partial)
        _create(storage, name, domain, settings)
        storage.engine.dispose()
        partial.rename(file)
    if domain.fixed is None:
        return optuna.load_study(study_name=name, storage=_sqlite(file))
    return _load_or_create(_sqlite(file), name, domain, settings)


def check_storage(url: str | None) -> Any:
    """Return the storage at a URL (None: nothing is given), to learn early whether it can be used.

    Raises:
        ConfigurationError: Optuna cannot use it; says why.
    """
    if url is None:
        return None
    try:
        return optuna.storages.get_storage(url)
    except (ImportError, ValueError, SQLAlchemyError) as error:
        raise ConfigurationError(
            f"storage is {url!r}; Optuna cannot use it: {_first_line(error)}. "
            "Give a URL such as postgresql://user@host/database, or none to keep the study in the run."
        ) from error


def _shared(settings: Settings, name: str, domain: Domain) -> optuna.Study:
    return _load_or_create(check_storage(settings.storage), name, domain, settings)


def _load_or_create(storage: Any, name: str, domain: Domain, settings: Settings) -> optuna.Study:
    if name in optuna.get_all_study_names(storage):
        return optuna.load_study(study_name=name, storage=storage)
    return _create(storage, name, domain, settings)


def _create(storage: Any, name: str, domain: Domain, settings: Settings) -> optuna.Study:
    direction = (
        optuna.study.StudyDirection.MINIMIZE if settings.minimize else optuna.study.StudyDirection.MAXIMIZE
    )
    study = optuna.create_study(study_name=name, storage=storage, direction=direction)
    study.set_user_attr("metric", settings.monitor)
    study.set_user_attr(_VARIABLES, domain.description())
    return study


def _sqlite(file: Path) -> optuna.storages.RDBStorage:
    url = URL.create("sqlite", database=str(file.absolute())).render_as_string()
    # Optuna fills in templates: braces that are left in the URL are part of a name.
    return optuna.storages.RDBStorage(url.replace("{", "{{").replace("}", "}}"))


def _require_same(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    for name in [*before, *now]:
        if before.get(name) != now.get(name):
            raise ConfigurationError(
                f"The run cannot be resumed: {name} was {before.get(name, 'not there')} when it began and is "
                f"{now.get(name, 'not there')} now. Restore model and search space, or start a new run."
            )


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
