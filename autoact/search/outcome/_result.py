"""Result of a search: verdict, choice, evidence; from a search that has just ended or from its directory."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, overload

import optuna

from autoact._card import NAMES, card
from autoact.errors import ConfigurationError, RunDirectoryError, counted, first_few
from autoact.records import Comparison, Front, Ledger, Report, RunDirectory, Training, Verdict
from autoact.report import summarize
from autoact.search.outcome._run_source import source_of
from autoact.search.phases import SearchPlan
from autoact.search.study import sqlite_storage, what_failed
from autoact.spaces import Assignment
from autoact.training.configuration import Configuration
from autoact.training.fit import with_activations
from autoact.training.tasks import Perceptron, Task

_COLORS = {"improved": "#2da44e", "worse": "#cf222e"}  # at the left of a card; readable on light and dark


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What a search found.

    Attributes:
        run_dir: The run directory; None after a dry run.
        assignment: The chosen activations; after a dry run, the model's own.
        plan: What was announced; None for a run that was loaded.

    Example:
        >>> found = SearchResult(run_dir=None, assignment=Assignment({"net.1": "relu"}))
        >>> found.recommended["net.1"]
        Choice('relu')
    """

    run_dir: Path | None
    assignment: Assignment
    plan: SearchPlan | None = None
    _report: Report | None = None
    _make_module: Callable[[], Any] | None = None

    @property
    def verdict(self) -> Verdict | None:
        """Comparison with the original in two or three words; None after a dry run, or of a failed search.

        "improved", "no significant difference" or "worse".
        """
        return None if self._report is None else self._report.verdict

    @property
    def report(self) -> Mapping[str, Any]:
        """The content of report.json, in plain types; empty after a dry run."""
        return {} if self._report is None else self._report.to_dict()

    @property
    def recommended(self) -> Assignment:
        """The activations to use: the chosen ones if the verdict is "improved", else the model's own.

        The model's own do not name `AutoActivation` layers that the model makes itself: those stay.
        """
        found = None if self._report is None else self._report.recommended
        return self.original if found is None else found

    @property
    def original(self) -> Assignment:
        """The model's own activations."""
        found = None if self._report is None else self._report.original
        return self.assignment if found is None else found

    @property
    def comparisons(self) -> dict[str, Comparison]:
        """The paired comparisons on fresh data: with "original", and with "best_uniform"."""
        return {} if self._report is None else dict(self._report.comparisons)

    @property
    def front(self) -> Front | None:
        """Of a search for two goals, the models on the front, each compared with the original."""
        return None if self._report is None else self._report.front

    @property
    def hyperparameters(self) -> Mapping[str, Any]:
        """The values chosen with the activations; empty where none were searched."""
        found = None if self._report is None else self._report.hyperparameters
        return {} if found is None else dict(found.chosen)

    @property
    def trainings(self) -> "TrainingTable":
        """Every training of the run, in the order in which they ended."""
        return TrainingTable(Ledger(self._directory().ledger_file).trainings)

    @property
    def study(self) -> optuna.Study:
        """The trials as an Optuna study, as they were exported.

        Raises:
            RunDirectoryError: It was lost or damaged since.
        """
        directory = self._directory()
        configuration = directory.configuration()
        file = directory.study_file
        try:
            if not file.exists():
                raise FileNotFoundError("it is missing")
            storage = sqlite_storage(file, checked=True)
            return optuna.load_study(study_name=configuration["study"], storage=storage)
        except Exception as error:  # whatever Optuna, SQL and a driver say
            raise RunDirectoryError(
                f"The study in {file} cannot be read ({what_failed(error)}). Have it written again: "
                f"{directory.resumption()}"
            ) from error

    @property
    def checkpoint(self) -> Path | None:
        """The recommended model as the first fresh seed trained it; None where none was kept.

        A Lightning checkpoint, for `autoact.load_weights(result.model(), result.checkpoint)`.
        """
        if self.run_dir is None:
            return None
        directory = RunDirectory(self.run_dir)
        file, original = directory.checkpoint_file, directory.original_checkpoint_file
        if self.verdict != "improved" and (original.is_file() or self.assignment != self.original):
            file = original
        return file if file.is_file() else None

    def model(self, assignment: Assignment | None = None) -> Any:
        """Return a fresh model with the recommended activations, or with others.

        Args:
            assignment: Others, such as the chosen ones: `result.assignment`.

        Layers that a module makes in `setup` or `configure_model` get them when a Trainer has called these,
        which a warning says.

        Raises:
            ConfigurationError: The run was started from Python, so nobody here knows how to make its model.
        """
        make = self._make_module or _maker(self._directory())
        return with_activations(make(), self.recommended if assignment is None else assignment)

    def summary(self) -> str:
        """Return verdict, assignment, cost and where to look, as text for a terminal."""
        if self.run_dir is None:
            assert self.plan is not None
            return self.plan.describe()
        return summarize(self.run_dir)

    def _directory(self) -> RunDirectory:
        if self.run_dir is None:
            raise ConfigurationError("A dry run leaves no trainings; search without dry_run to have some.")
        return RunDirectory(self.run_dir)

    def __repr__(self) -> str:
        """Return verdict, choice and place in a few lines."""
        chosen = first_few([f"{path}={choice}" for path, choice in self.assignment.items()], NAMES)
        rows = [f"verdict={self.verdict!r}", f"assignment={chosen}"]
        if "original" in self.comparisons:
            rows.append(_with_interval(self.comparisons["original"]))
        rows.append(f"run_dir={str(self.run_dir) if self.run_dir else None!r}")
        return "SearchResult(\n  " + ",\n  ".join(rows) + ",\n)"

    def _repr_html_(self) -> str:
        """Return the same for a notebook."""
        if self.run_dir is None and self.plan is not None:
            return self.plan._repr_html_()
        rows = [(path, self.original.get(path, ""), choice) for path, choice in self.assignment.items()]
        found = self.comparisons.get("original")
        notes = [] if found is None else [_with_interval(found)]
        if found is not None and self.assignment == self.original:
            notes = ["The original was chosen."]
        title, color = f"Verdict: {self.verdict}", _COLORS.get(self.verdict or "", "gray")
        notes.append(f"{self.run_dir}/report.html")
        return card(title, ["layer", "original", "chosen"], rows, notes, color=color)


class TrainingTable(Sequence[Training]):
    """Trainings of a run, as a sequence and as a table.

    Args:
        trainings: In the order in which they ended.

    Example:
        >>> layers = Assignment({"net.1": "relu"})
        >>> training = Training(phase="baseline", label="relu", assignment=layers, seed=7)
        >>> TrainingTable([training]).rows()[0]["net.1"]
        'relu'
    """

    _COLUMNS = ("phase", "label", "seed", "state", "selection", "comparison", "steps", "seconds", "share")

    def __init__(self, trainings: Sequence[Training]) -> None:
        self._trainings = list(trainings)

    @overload
    def __getitem__(self, place: int) -> Training: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Training]: ...
    def __getitem__(self, place: int | slice) -> Training | Sequence[Training]:
        """Return one training, or several."""
        return self._trainings[place]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._trainings)

    def __iter__(self) -> Iterator[Training]:
        """Iterate over the trainings."""
        return iter(self._trainings)

    def rows(self) -> list[dict[str, Any]]:
        """Return a row per training: what was asked, what came, and the activations by layer."""
        return [
            {
                **{name: getattr(training, name) for name in self._COLUMNS},
                "error": training.error,
                **training.hyperparameters,
                **{path: str(choice) for path, choice in (training.assignment or {}).items()},
            }
            for training in self._trainings
        ]

    def to_pandas(self) -> Any:
        """Return the rows as a `pandas.DataFrame`.

        Raises:
            ConfigurationError: pandas is not installed.
        """
        try:
            import pandas
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                "A data frame needs pandas: pip install pandas. Without it, `trainings.rows()` has the rows."
            ) from error
        return pandas.DataFrame(self.rows())

    def __repr__(self) -> str:
        """Return the first rows as text."""
        lines = [" ".join(f"{name:>11}" for name in self._COLUMNS)]
        lines += [" ".join(_cell(getattr(t, name)) for name in self._COLUMNS) for t in self._trainings[:10]]
        left = len(self) - 10
        return "\n".join(lines + ([f"... and {left} more"] if left > 0 else []))

    def _repr_html_(self) -> str:
        """Return the rows for a notebook."""
        rows = ([_cell(getattr(t, name)).strip() for name in self._COLUMNS] for t in self)
        return card(counted(len(self), "training"), self._COLUMNS, rows)


def load_run(directory: str | Path) -> SearchResult:
    """Return the result of a run from its directory.

    Args:
        directory: A run directory whose search has ended.

    Raises:
        RunDirectoryError: It is none, or its search has not ended.

    Example:
        >>> load_run("runs/of/yesterday")
        Traceback (most recent call last):
        ...
        autoact.errors.RunDirectoryError: runs/of/yesterday does not exist...
    """
    found = RunDirectory.open(directory)
    report = found.report()
    if report is None:
        raise RunDirectoryError(
            f"{directory} has no report.json: its search has not ended. Go on with it: {found.resumption()}"
        )
    chosen = report.chosen
    if chosen is None and found.assignment_file.exists():  # the search failed after its choice
        chosen = Assignment.load(found.assignment_file)
    if chosen is None:
        chosen = report.original or Assignment({})
    return SearchResult(run_dir=found.path, assignment=chosen, _report=report)


def _maker(directory: RunDirectory) -> Callable[[], Any]:
    source = source_of(directory)
    if isinstance(source, Task | Configuration):
        return source.model
    if directory.columns_file.is_file():
        return _of_table(directory.columns_file)
    raise ConfigurationError(
        f"The run in {directory.path} does not say how to make its model. Make it yourself and give it the "
        "activations: `autoact.apply(MyModel(), result.recommended)`."
    )


def _with_interval(found: Comparison) -> str:
    low, high = found.ci95
    span = f"{100 * found.level:g}% interval {low:+.4g} to {high:+.4g}"
    return f"improvement on the original {found.difference:+.4g} ({span})"


def _of_table(file: Path) -> Callable[[], Any]:
    """Return what makes the model of a table, whose sizes its columns file tells."""
    try:
        sizes = json.loads(file.read_text(encoding="utf-8"))["model"]
        return partial(Perceptron, **sizes)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunDirectoryError(f"{file} cannot be read: {error!r}. Restore it from a copy.") from error


def _cell(value: Any) -> str:
    return f"{value:>11.5g}" if isinstance(value, float) else f"{value!s:>11.11}"
