"""Export of a study to an Optuna storage, for Optuna's own tools; the search never reads it back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from autoact.errors import ConfigurationError, log
from autoact.search.study._context import Search


@dataclass
class Export:
    """A copy of a study in a storage, as far as its trials have ended.

    A study there that is not the ledger's is written again, and so is a damaged file of the run's own.

    Attributes:
        url: The storage; None: the file.
        file: The run's own SQLite file.
        name: Name of the study there.
        minimize: Whether a smaller value is better.
        metric: What the value is called.
    """

    url: str | None
    file: Path
    name: str
    minimize: bool
    metric: str
    _study: optuna.Study | None = field(default=None, init=False)
    _written: int = field(default=0, init=False)

    @classmethod
    def of(cls, search: Search, label: str | None) -> "Export":
        """Return the export of a search's study, or of the tuning of one baseline."""
        settings, directory = search.settings, search.directory
        name = directory.configuration()["study"]
        return cls(
            url=settings.storage,
            file=directory.study_file,
            name=name if label is None else f"{name}-{label}",
            minimize=settings.minimize,
            metric=settings.monitor,
        )

    def write(self, trials: Sequence[FrozenTrial]) -> None:
        """Add the trials that have ended and are not there, in their order.

        A storage that cannot be reached costs a line, not the run: what is missing is added with the next
        trial, or when the run is resumed.
        """
        try:
            self._add(trials)
        except Exception as error:  # whatever Optuna, a driver or a full disk say
            self._study = None
            log.warning("The study could not be exported, the search goes on: %s", _first_line(error))

    def _add(self, trials: Sequence[FrozenTrial]) -> None:
        if self._study is None:
            self._study = self._open(trials)
            self._written = len(self._study.get_trials(deepcopy=False))
        for trial in trials[self._written :]:
            if not trial.state.is_finished():
                break  # trials keep their numbers: those behind it wait
            self._study.add_trial(trial)
            self._written += 1

    def _open(self, trials: Sequence[FrozenTrial]) -> optuna.Study:
        storage = self._own_file() if self.url is None else optuna.storages.get_storage(self.url)
        study = self._study_in(storage)
        if self._is_told(study, trials):
            return study
        optuna.delete_study(study_name=self.name, storage=storage)
        return self._study_in(storage)

    def _own_file(self) -> optuna.storages.RDBStorage:
        if self.file.is_symlink() or (self.file.exists() and not _is_sound(self.file)):
            self.file.unlink()
        if not self.file.exists():
            # Whole or not at all: a kill while Optuna makes its tables must leave no half file.
            partial = self.file.with_name(f".{self.file.name}.partial")
            partial.unlink(missing_ok=True)
            sqlite_storage(partial).engine.dispose()
            partial.rename(self.file)
        return sqlite_storage(self.file, checked=True)

    def _study_in(self, storage: Any) -> optuna.Study:
        study = optuna.create_study(
            study_name=self.name, storage=storage, direction=self._direction, load_if_exists=True
        )
        if study.user_attrs.get("metric") != self.metric:
            study.set_user_attr("metric", self.metric)
        return study

    def _is_told(self, study: optuna.Study, trials: Sequence[FrozenTrial]) -> bool:
        """Tell whether a study holds the first of some trials and no others."""
        known = list(map(_told, study.get_trials(deepcopy=False)))
        return study.direction == self._direction and known == list(map(_told, trials[: len(known)]))

    @property
    def _direction(self) -> optuna.study.StudyDirection:
        return optuna.study.StudyDirection["MINIMIZE" if self.minimize else "MAXIMIZE"]


def check_storage(url: str | None) -> Any:
    """Return the storage at a URL (None: nothing is given), to learn early whether it can be used.

    Raises:
        ConfigurationError: Optuna cannot use it; says why.
    """
    if url is None:
        return None
    try:
        if not isinstance(url, str):
            raise ValueError("it is no URL")
        return optuna.storages.get_storage(url)
    except (ImportError, ValueError, RuntimeError, SQLAlchemyError) as error:
        raise ConfigurationError(
            f"storage is {url!r}; Optuna cannot use it: {_first_line(error)}. "
            "Give a URL such as postgresql://user@host/database, or none to keep the study in the run."
        ) from error


def sqlite_storage(file: Path, *, checked: bool = False) -> optuna.storages.RDBStorage:
    """Return the Optuna storage in a file, whatever the file is called.

    Args:
        file: A SQLite file, made if it does not exist.
        checked: Whether its tables are known to be there, of this version: a look takes 0.1 s.
    """
    url = URL.create("sqlite", database=str(file.absolute())).render_as_string()
    # Optuna fills in templates: braces that are left in the URL are part of a name.
    plain = url.replace("{", "{{").replace("}", "}}")
    return optuna.storages.RDBStorage(plain, skip_compatibility_check=checked, skip_table_creation=checked)


def _is_sound(file: Path) -> bool:
    """Tell whether Optuna can read every study in a file, and no row lacks the one that it belongs to."""
    try:
        storage = sqlite_storage(file)
        for study in storage.get_all_studies():
            storage.get_all_trials(study._study_id, deepcopy=False)
        with storage.engine.connect() as connection:
            return connection.exec_driver_sql("PRAGMA foreign_key_check").first() is None
    except Exception:  # whatever Optuna, SQL and JSON say of tables that lack something
        return False


def _told(trial: FrozenTrial) -> tuple[Any, ...]:
    # as text, in which NaN equals itself
    curve = {step: str(value) for step, value in trial.intermediate_values.items()}
    return trial.state, trial.value, trial.params, trial.distributions, curve, trial.user_attrs.get("seed")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Hide Optuna's log below warnings, and put its verbosity back afterwards."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(verbosity)
