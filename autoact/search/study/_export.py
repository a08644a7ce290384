"""Export of a study to an Optuna storage, for Optuna's own tools; the ledger never reads it back."""

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

    A file of the run's own that cannot be read, or that holds other trials than the ledger, is written again.

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
        except (SQLAlchemyError, optuna.exceptions.StorageInternalError, OSError) as error:
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
        if self.url is not None:
            return self._study_in(check_storage(self.url))
        if self.file.exists():
            study = self._reopened(trials)
            if study is not None:
                return study
            self.file.unlink()
        # Whole or not at all: a kill while Optuna makes its tables must leave no half study.
        partial = self.file.with_name(f".{self.file.name}.partial")
        partial.unlink(missing_ok=True)
        storage = _sqlite(partial)
        self._study_in(storage)
        storage.engine.dispose()
        partial.rename(self.file)
        return self._study_in(_sqlite(self.file))

    def _reopened(self, trials: Sequence[FrozenTrial]) -> optuna.Study | None:
        """Return the study in the run's own file; None if it cannot be read or holds other trials."""
        try:
            study = self._study_in(_sqlite(self.file))
            known = list(map(_told, study.get_trials(deepcopy=False)))
        except Exception:  # whatever Optuna and SQL say of tables that lack something
            return None
        return study if known == list(map(_told, trials[: len(known)])) else None

    def _study_in(self, storage: Any) -> optuna.Study:
        study = optuna.create_study(
            study_name=self.name,
            storage=storage,
            direction="minimize" if self.minimize else "maximize",
            load_if_exists=True,
        )
        if "metric" not in study.user_attrs:
            study.set_user_attr("metric", self.metric)
        return study


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


def _told(trial: FrozenTrial) -> tuple[Any, ...]:
    return trial.state, trial.params, trial.value


def _sqlite(file: Path) -> optuna.storages.RDBStorage:
    url = URL.create("sqlite", database=str(file.absolute())).render_as_string()
    # Optuna fills in templates: braces that are left in the URL are part of a name.
    return optuna.storages.RDBStorage(url.replace("{", "{{").replace("}", "}}"))


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
