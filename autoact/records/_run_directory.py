"""Directory of a run: made once, never overwritten, every file written whole or not at all."""

import glob
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from shlex import quote
from typing import IO, Any

from autoact.errors import ConfigurationError, RunDirectoryError, UnknownActivationError
from autoact.records._ledger import Ledger, open_itself
from autoact.records._questions import Question, questions_of, with_questions
from autoact.records._report import Report
from autoact.records._runs_nearby import LEDGER, suggested_run
from autoact.records._second_goal import Costs
from autoact.spaces import Assignment
from autoact.spaces.files import is_ended, parse, write_yaml

_ASIDE = "before-change-"  # folder of what was trained with another model or other data
_TRIES, _MOMENT = 5, 0.05  # s
_PROBE, _PARTIAL = ".autoact-probe-", ".autoact-run-"  # folders beside a run while it is made
_RANDOM = 8  # characters that `tempfile` adds
_TRIAL = "trial-{:04d}"  # folder of its events
_UNFINISHED = (".tmp", ".partial")  # what a process is writing
_ROUNDING = 1e-3  # of parts of trainings
_NEEDED = {"task": str, "study": str, "space": Mapping, "search": Mapping}  # in config.yaml, to resume


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """Where a run keeps everything.

    Args:
        path: The directory.

    Example:
        >>> path = Path(tempfile.mkdtemp()) / "run"
        >>> run = RunDirectory.create(path, {"budget": 20})
        >>> run.configuration()
        {'budget': 20}
        >>> RunDirectory.create(path, {})
        Traceback (most recent call last):
        ...
        autoact.errors.RunDirectoryError: .../run exists already and is left untouched; resume the run in it:
        run_search(..., out='.../run', resume=True), or choose another directory for `out`.
    """

    path: Path

    @classmethod
    def check_free(cls, path: str | os.PathLike[str]) -> None:
        """Raise RunDirectoryError if the path exists or could not be created; changes nothing."""
        target = Path(path).absolute()
        if os.path.lexists(target):
            run = cls(Path(path))
            resume = (
                f"resume the run in it: {run.resumption()}, or " if run.configuration_file.is_file() else ""
            )
            wanted = f"{resume}choose another directory for `out`."
            raise RunDirectoryError(f"{path} exists already and is left untouched; {wanted}")
        parent = next(folder for folder in target.parents if os.path.lexists(folder))
        _sweep(parent.glob(f"{_PROBE}*"))
        try:
            with tempfile.TemporaryDirectory(dir=parent, prefix=_PROBE):
                pass
        except OSError as error:
            raise RunDirectoryError(_unwritable(path, error)) from error

    @classmethod
    def create(cls, path: str | os.PathLike[str], configuration: Mapping[str, Any]) -> "RunDirectory":
        """Make the directory with its configuration in it, both or neither."""
        cls.check_free(path)
        target = Path(path).absolute()
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = Path(tempfile.mkdtemp(dir=target.parent, prefix=_partial_of(target)))
            try:
                partial.chmod(0o755)
                write_yaml(partial / "config.yaml", configuration, ended=True)
                partial.rename(target)
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise
        except OSError as error:
            cls.check_free(path)  # another search may have made it meanwhile
            raise RunDirectoryError(_unwritable(path, error)) from error
        _sweep(target.parent.glob(glob.escape(_partial_of(target)) + "?" * _RANDOM))  # others are too late
        return cls(Path(path))

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> "RunDirectory":
        """Return an existing run directory, to resume it."""
        run = cls(Path(path))
        if not run.configuration_file.is_file():
            what = "has no config.yaml" if run.path.is_dir() else "does not exist"
            raise RunDirectoryError(
                f"{path} {what}, so there is no run to resume or to read. Name the `out` of a search, or "
                f"start one there.{suggested_run(path)}"
            )
        if not is_ended(run.configuration_file):
            raise _unreadable(run.configuration_file, "it is cut short: its last line is not '...'")
        stored = run.configuration()
        for name, kind in _NEEDED.items():
            if not isinstance(stored.get(name), kind):
                raise _unreadable(run.configuration_file, f"{name} is {stored.get(name)!r:.60}")
        return run

    def begin_again(self, configuration: Mapping[str, Any]) -> None:
        """Set aside everything that was done, and begin with another configuration.

        Args:
            configuration: The content of config.yaml.
        """
        number = 1
        while (aside := self.path / f"{_ASIDE}{number}").exists():
            number += 1
        aside.mkdir()
        shutil.copy2(self.configuration_file, aside)
        kept = (self.configuration_file, self.ledger_file)
        for file in [file for file in self.path.iterdir() if file not in kept and not _is_own(file)]:
            file.rename(aside / file.name)
        if self.ledger_file.exists():  # the last: what is told by it stays until all else is gone
            self.ledger_file.rename(aside / self.ledger_file.name)
        write_yaml(self.configuration_file, configuration, ended=True)

    @property
    def configuration_file(self) -> Path:
        """What the run was asked to do; the first file of a run."""
        return self.path / "config.yaml"

    @property
    def study_file(self) -> Path:
        """The Optuna study (SQLite)."""
        return self.path / "study.db"

    @property
    def ledger_file(self) -> Path:
        """One line per finished training."""
        return self.path / LEDGER

    @property
    def assignment_file(self) -> Path:
        """The choice; only when it is there, comparison data are read."""
        return self.path / "assignment.yaml"

    @property
    def report_file(self) -> Path:
        """The result; the last file of a run except for its HTML view."""
        return self.path / "report.json"

    @property
    def hyperparameters_file(self) -> Path:
        """The hyperparameters that belong to the choice, where any were searched."""
        return self.path / "hyperparameters.yaml"

    @property
    def checkpoint_file(self) -> Path:
        """Lightning checkpoint of the selected model, trained with the first confirmation seed."""
        return self.path / "checkpoints" / "final.ckpt"

    @property
    def original_checkpoint_file(self) -> Path:
        """The same of the original model, where it is another one than the selected."""
        return self.path / "checkpoints" / "original.ckpt"

    @property
    def columns_file(self) -> Path:
        """How the columns of a table become inputs, and what makes its model; only of tables."""
        return self.path / "columns.json"

    def tensorboard(self, name: str) -> Path:
        """Return the TensorBoard directory of one training."""
        return self.path / "tensorboard" / name

    def trial_log(self, number: int) -> Path:
        """Return the TensorBoard directory of a trial."""
        return self.tensorboard(_TRIAL.format(number))

    def configuration(self) -> dict[str, Any]:
        """Return what the run was asked to do."""
        try:
            return deepcopy(_content(self.configuration_file.read_text(encoding="utf-8")))
        except (OSError, TypeError, ValueError) as error:  # ConfigurationError is a ValueError
            raise _unreadable(self.configuration_file, " ".join(str(error).split())) from error

    @contextmanager
    def naming(self) -> Iterator[None]:
        """Say in an error about what the run was asked where that is written."""
        try:
            yield
        except (ConfigurationError, UnknownActivationError) as error:
            if str(self.configuration_file) in str(error):
                raise
            asked = f"What the run was asked is in {self.configuration_file}."
            raise ConfigurationError(f"{error} {asked}") from error

    def resumption(self, **larger: float | str) -> str:
        """Return what resumes the run: a command, or a call where only Python knows how to make its model.

        Args:
            larger: Settings that are to grow, such as seeds.

        Example:
            >>> RunDirectory.create(Path(tempfile.mkdtemp()) / "run", {}).resumption(seeds=40)
            "run_search(..., out='.../run', resume=True, seeds=40)"
        """
        if self._is_of_python():
            settings = "".join(f", {name}={value}" for name, value in larger.items())
            return f"run_search(..., out={str(self.path)!r}, resume=True{settings})"
        return f"autoact search --resume {quote(str(self.path))}" + "".join(
            f" --{k} {v}" for k, v in larger.items()
        )

    def _is_of_python(self) -> bool:
        try:
            return not self.configuration().get("source")
        except RunDirectoryError:  # said where it matters
            return False

    def costs(self) -> Costs | None:
        """Return what assignments cost, of a search for two goals."""
        try:
            return Costs.read(self.configuration().get("costs"))
        except ValueError as error:
            raise _unreadable(self.configuration_file, str(error)) from error

    def reconfigure(self, configuration: Mapping[str, Any]) -> None:
        """Write another configuration in place of the present one, whole or not at all."""
        write_yaml(self.configuration_file, configuration, ended=True)

    def questions(self) -> tuple[Question, ...]:
        """Return the questions that the run has asked; the last is the present one."""
        try:
            return questions_of(self.configuration())
        except ValueError as error:
            raise _unreadable(self.configuration_file, str(error)) from error

    def note_look(self, seeds: int, planned: tuple[int, ...]) -> tuple[int, ...]:
        """Note a look at the present question's comparison, before anybody sees it; return all of them.

        Args:
            seeds: Paired seeds that there are.
            planned: The looks that were planned.
        """
        *before, now = self.questions()
        seen = now.looked_at(seeds, planned)
        if seen != now:
            self.reconfigure(with_questions(self.configuration(), (*before, seen)))
        return seen.looks

    def write_choice(self, assignment: Assignment, hyperparameters: Mapping[str, Any]) -> None:
        """Write the choice for people; the assignment last, because its file says that the search is over."""
        if hyperparameters:
            write_yaml(self.hyperparameters_file, dict(hyperparameters))
        else:
            self.hyperparameters_file.unlink(missing_ok=True)
        Assignment(dict(assignment.items()), name="chosen").save(self.assignment_file)

    def require_whole(self, ledger: Ledger) -> None:
        """Raise RunDirectoryError if trainings left something here that the ledger does not know of."""
        trace = self._unknown(ledger)
        if trace is not None:
            raise self.lacks_trainings(trace)
        if self.report_file.exists():
            self.require_reported(ledger, Report.load(self.report_file))

    def require_reported(self, ledger: Ledger, report: Report) -> None:
        """Raise RunDirectoryError if a report tells of more trainings than the ledger."""
        done = sum(training.share for training in ledger.trainings if training.phase != "probe")
        if sum(part.trainings for part in report.cost.values()) > done + _ROUNDING:
            raise self.lacks_trainings(self.report_file)

    def drop_damaged_report(self) -> bool:
        """Remove a damaged report, as the ledger tells all of it; one of another version stays."""
        if not self.report_file.is_file() or not Report.is_damaged(self.report_file):
            return False
        self.report_file.unlink()
        return True

    def lacks_trainings(self, trace: Path) -> RunDirectoryError:
        """Return the error of a ledger that lacks trainings, with what tells so."""
        lost = "lacks trainings" if self.ledger_file.exists() else "is missing"
        return RunDirectoryError(
            f"{self.ledger_file} {lost}, although there is {trace.relative_to(self.path)}, which came of "
            "trainings. Restore the file from a copy, or start a new run in another directory."
        )

    def _unknown(self, ledger: Ledger) -> Path | None:
        """Return something that only trainings leave and that no line of the ledger explains."""
        if not ledger.trainings:
            own = {self.configuration_file, self.ledger_file}
            found = (file for file in self.path.iterdir() if file not in own and not _is_own(file))
            return min(found, default=None)
        known = {_TRIAL.format(training.trial or 0) for training in ledger.of("trial")}
        logs = self.tensorboard("").glob("trial-[0-9]*")
        return min((log for log in logs if log.name not in known), default=None)

    def report(self) -> Report | None:
        """Return the report of a finished run, None while it is not finished.

        Raises:
            RunDirectoryError: The file is damaged, or of another version.
        """
        return Report.load(self.report_file) if self.report_file.exists() else None

    def write_report(self, report: Report) -> None:
        """Write report.json."""
        report.save(self.report_file)

    def sweep(self) -> None:
        """Remove what a killed process left of files that it was writing; only while the run is locked."""
        every = ((at, name) for at, folders, files in os.walk(self.path) for name in (*folders, *files))
        _sweep(Path(at, name) for at, name in every if name[0] == "." and name.endswith(_UNFINISHED))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from resuming this run at the same time; a killed process holds no lock."""
        with self._lock_file() as file:
            if not _lock(file):
                raise RunDirectoryError(
                    f"{self.path} is in use by another process. Wait for it to end, or stop it, then go on."
                )
            yield

    def in_use(self) -> bool:
        """Tell whether a process of this machine works on the run."""
        try:
            with open(self.path / ".lock", opener=open_itself) as file:
                return not _lock(file)
        except OSError:  # a copy has none
            return False

    def _lock_file(self) -> IO[str]:
        try:
            return open(self.path / ".lock", "w", opener=open_itself)
        except OSError as error:
            raise RunDirectoryError(
                f"The run directory {self.path} cannot be written: {error.strerror} ({error.filename}). "
                "Make it writable, or copy it to where you may write; `autoact.load_run` only reads."
            ) from error


@lru_cache(maxsize=8)  # a search reads its configuration 13 times
def _content(text: str) -> dict[str, Any]:
    return dict(parse(text, "content").data)


def _partial_of(run: Path) -> str:
    return f"{_PARTIAL}{run.name}-"


def _sweep(found: Iterable[Path]) -> None:
    """Remove what killed processes left."""
    for left in [*found]:
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            with suppress(OSError):
                left.unlink()


def _is_own(file: Path) -> bool:
    """Tell whether a file of a run directory is no trace of the present run."""
    return file.name[0] == "." or file.name.startswith(_ASIDE)


def _lock(file: IO[str]) -> bool:
    try:
        import fcntl
    except ModuleNotFoundError:  # not POSIX: no lock that a killed process gives back
        return True
    for _ in range(_TRIES):  # whoever only looks whether it is in use holds it for a moment
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_MOMENT)
        else:
            return True
    return False


def _unreadable(file: Path, why: str) -> RunDirectoryError:
    return RunDirectoryError(f"{file} cannot be read ({why}); the run cannot be resumed without it.")


def _unwritable(path: str | os.PathLike[str], error: OSError) -> str:
    return (
        f"The run directory {path} cannot be created: {error.strerror} ({error.filename}). "
        "Choose one that you may write to (out, --out)."
    )
