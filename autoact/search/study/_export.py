"""Export of a study to an Optuna storage, for Optuna's own tools; the search never reads it back."""

import sqlite3
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from autoact.errors import ConfigurationError, first_line, log
from autoact.search.setup import hide_password, without_password
from autoact.search.study._context import Search

_LONG = 1.0  # seconds of an attempt that failed


@dataclass
class Export:
    """A copy of a study in the run's file, and in a storage if one is given, as far as its trials have ended.

    A study there that is not the ledger's is written again, and so is a damaged file of the run's own.

    Attributes:
        url: The storage; None: the file.
        mirror: The copy in the storage that is given; the file's is never left out for it.
        file: The run's own SQLite file.
        name: Name of the study there.
        directions: What becomes of the value, and of the cost where there are two goals.
        metrics: What they are called.
    """

    url: str | None
    file: Path
    name: str
    directions: Sequence[StudyDirection]
    metrics: Sequence[str]
    mirror: "Export | None" = None
    _study: optuna.Study | None = field(default=None, init=False)
    _written: int = field(default=0, init=False)
    _again: float = field(default=0.0, init=False)

    @classmethod
    def of(cls, search: Search, label: str | None, directions: Sequence[StudyDirection]) -> "Export":
        """Return the export of a search's study, or of the tuning of one baseline: one in all phases."""
        settings, directory = search.settings, search.directory
        if label not in search.exports:
            name = directory.configuration()["study"]
            own = cls(
                url=None,
                file=directory.study_file,
                name=name if label is None else f"{name}-{label}",
                directions=directions,
                metrics=[settings.monitor, *([] if search.costs is None else [search.costs.unit])][
                    : len(directions)
                ],
            )
            mirrored = settings.storage is not None
            mirror = replace(own, url=settings.storage) if mirrored else None
            search.exports[label] = replace(own, mirror=mirror)
        export: Export = search.exports[label]
        return export

    def write(self, trials: Sequence[FrozenTrial]) -> None:
        """Add the trials that have ended and are not there, in their order.

        A storage that cannot be reached costs a line, not the run: what is missing is added with the next
        trial, or when the run is resumed. One that takes long to fail is asked again after twenty times as
        long, so that it takes at most a twentieth of the time. What somebody deletes is written again.
        """
        if self.mirror is not None:
            self.mirror.write(trials)
        began = time.monotonic()
        if began < self._again:
            return
        try:
            self._add(trials)
        except Exception as error:  # whatever Optuna, a driver or a full disk say
            self._study, now = None, time.monotonic()
            self._again = now + 20 * (now - began) if now - began > _LONG else 0.0
            why = what_failed(error, self.url)
            log.warning("The study could not be exported to %s, the search goes on: %s", self._where, why)

    @property
    def _where(self) -> str:
        return str(self.file) if self.url is None else without_password(self.url)

    def _add(self, trials: Sequence[FrozenTrial]) -> None:
        if self._study is not None:
            with suppress(Exception):  # whatever Optuna and a driver say of a study that is gone
                return self._append(self._study, trials)
        before = self._written
        self._study = self._open(trials)
        self._written = len(self._study.get_trials(deepcopy=False))
        if self._written < before:
            lost = "Trials of the study were deleted from %s while the search ran. They are written again."
            log.warning(lost, self._where)
        self._append(self._study, trials)

    def _append(self, study: optuna.Study, trials: Sequence[FrozenTrial]) -> None:
        for trial in trials[self._written :]:
            if not trial.state.is_finished():
                break  # trials keep their numbers: those behind it wait
            study.add_trial(trial)
            self._written += 1

    def _open(self, trials: Sequence[FrozenTrial]) -> optuna.Study:
        storage = self._own_file() if self.url is None else optuna.storages.get_storage(self.url)
        study = self._study_in(storage)
        try:
            told = self._is_told(study, trials)
        except Exception:  # whatever Optuna, SQL and JSON say of tables that lack something
            if self.url is not None:
                raise
            self.file.unlink()
            return self._study_in(self._own_file())
        if told:
            return study
        optuna.delete_study(study_name=self.name, storage=storage)
        return self._study_in(storage)

    def _own_file(self) -> optuna.storages.RDBStorage:
        if self.file.is_symlink() or (self.file.exists() and not _is_sound(self.file, self.name)):
            self.file.unlink()
        if not self.file.exists():
            # Whole or not at all: a kill while Optuna makes its tables must leave no half file.
            partial = self.file.with_name(f".{self.file.name}.partial")
            partial.unlink(missing_ok=True)
            try:
                sqlite_storage(partial)
                partial.rename(self.file)
            finally:
                partial.unlink(missing_ok=True)  # on a full disk it would take room from what matters more
        return sqlite_storage(self.file, checked=True)

    def _study_in(self, storage: Any) -> optuna.Study:
        study = optuna.create_study(
            study_name=self.name, storage=storage, directions=self.directions, load_if_exists=True
        )
        if study.user_attrs.get("metric") != self.metrics[0]:
            study.set_user_attr("metric", self.metrics[0])
        if len(self.metrics) > 1 and study.metric_names != self.metrics:  # of the axes in Optuna Dashboard
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                study.set_metric_names([*self.metrics])
        return study

    def _is_told(self, study: optuna.Study, trials: Sequence[FrozenTrial]) -> bool:
        """Tell whether a study holds the first of some trials and no others."""
        known = list(map(_told, study.get_trials(deepcopy=False)))
        same = study.directions == [*self.directions]
        return same and known == list(map(_told, trials[: len(known)]))


def load_storages() -> None:
    """Load what a storage of Optuna loads when it is opened, which is a lot.

    Loaded after memory was set aside for the trainings, it is looked through after each of them, for 20 ms.
    """
    for name in ("alembic.config", "alembic.migration", "sqlalchemy.dialects.sqlite", "sqlalchemy.orm"):
        import_module(name)


def check_storage(url: str | None, *, resumed: bool = False) -> Any:
    """Return the storage at a URL (None: nothing is given), to learn early whether it can be used.

    Args:
        url: The URL.
        resumed: Whether a run goes on that has begun: it can do without, and a line says so.

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
        shown = without_password(url) if isinstance(url, str) else url
        why = f"storage is {shown!r}; Optuna cannot use it: {what_failed(error, url)}."
        if resumed:
            log.warning("%s The search goes on; its password is not kept: give storage again with it.", why)
            return None
        raise ConfigurationError(
            f"{why} Give a URL such as postgresql://user@host/database, or none to keep the study in the run."
        ) from None  # what it comes of may tell the password


def sqlite_storage(file: Path, *, checked: bool = False) -> optuna.storages.RDBStorage:
    """Return the Optuna storage in a file, whatever the file is called.

    Args:
        file: A SQLite file, made if it does not exist.
        checked: Whether its tables are known to be there, of this version: a look takes 0.1 s.
    """
    from autoact.search.study._own_storage import OwnStorage  # loads sqlalchemy.orm

    url = URL.create("sqlite", database=str(file.absolute())).render_as_string()
    # Optuna fills in templates: braces that are left in the URL are part of a name.
    plain = url.replace("{", "{{").replace("}", "}}")
    return OwnStorage(
        plain,
        # no connection stays open, nor the file
        engine_kwargs={"connect_args": {"factory": _Connection}, "poolclass": NullPool},
        skip_compatibility_check=checked,
        skip_table_creation=checked,
    )


class _Connection(sqlite3.Connection):
    """Connection that does not wait for the disk: what a power failure takes is written again.

    Optuna makes 13 tables, one transaction each: half a second on a disk that takes 30 ms for one.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.execute("PRAGMA synchronous = OFF")


def _is_sound(file: Path, name: str) -> bool:
    """Tell whether Optuna can read a file, and no row lacks the one that it belongs to.

    Args:
        file: The file.
        name: Of the study whose trials are read next: to read 5,000 takes a second.
    """
    try:
        storage = sqlite_storage(file)
        for study in storage.get_all_studies():
            if study.study_name != name:
                storage.get_all_trials(study._study_id, deepcopy=False)
        with storage.engine.connect() as connection:
            return connection.exec_driver_sql("PRAGMA foreign_key_check").first() is None
    except Exception:  # whatever Optuna, SQL and JSON say of tables that lack something
        return False


def _told(trial: FrozenTrial) -> tuple[Any, ...]:
    # as text, in which NaN equals itself
    curve = {step: str(value) for step, value in trial.intermediate_values.items()}
    return trial.state, trial.values, trial.params, trial.distributions, curve, trial.user_attrs.get("seed")


def what_failed(error: BaseException, url: object = None) -> str:
    """Return what a storage says of its failure, in one line; of what Optuna only guesses at, its cause.

    Args:
        error: What was raised.
        url: Of the storage, whose password is left out.
    """
    cause = error.__cause__ if isinstance(error, optuna.exceptions.StorageInternalError) else None
    line = first_line(cause or error)
    return hide_password(line, url) if isinstance(url, str) else line


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Hide Optuna's log below warnings, and put its verbosity back afterwards."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(verbosity)
