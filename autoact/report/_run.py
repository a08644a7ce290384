"""Run as a report sees it: its directory, its report.json and its trainings."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autoact.dashboard import NAME, read_record
from autoact.errors import RunDirectoryError
from autoact.records import (
    Comparison,
    Ledger,
    ParetoPoint,
    Report,
    RunDirectory,
    Training,
    model_key,
    suggested_run,
)
from autoact.report._wording import MIXTURE
from autoact.spaces import Assignment, Choice


@dataclass(frozen=True, slots=True)
class Run:
    """What a run left: its results and every training behind them.

    Attributes:
        path: The run directory.
        report: report.json; partial where the search failed.
        trainings: In the order in which they ended.
        wall: Seconds in which processes worked on it; 0 where nobody knows.

    Example:
        >>> Run(Path("run"), Report(autoact="1", space="s", metric="val_acc", mode="max")).sign
        -1.0
    """

    path: Path
    report: Report
    trainings: tuple[Training, ...] = ()
    wall: float = 0.0

    @property
    def sign(self) -> float:
        """1 where a smaller value is better, else -1: times this, the better of two values is the smaller."""
        return -1.0 if self.report.mode == "max" else 1.0

    @property
    def tried(self) -> dict[str, Assignment]:
        """Every assignment that was trained, by the key of its model."""
        every = (training.assignment for training in self.trainings)
        return {model_key(layers): layers for layers in every if layers is not None}

    @property
    def unbeaten(self) -> list[ParetoPoint]:
        """The assignments that nothing measured beats in value and latency, the fastest first."""
        return [point for point in self.report.pareto if point.front]

    def of(self, *phases: str) -> list[Training]:
        """Return the trainings of some phases."""
        return [training for training in self.trainings if training.phase in phases]

    def whole(self, layers: Assignment) -> Assignment:
        """Return an assignment to be shown: mixtures of the model's own, which it does not name, are named.

        Args:
            layers: Activations of a model of this run.
        """
        every = max((layers, *self.tried.values()), key=len)
        return Assignment({p: layers[p] if p in layers else Choice.unregistered(MIXTURE) for p in every})

    @property
    def before(self) -> Mapping[str, Choice]:
        """What each layer of the original model is, to be shown; nothing where that is unknown."""
        return {} if self.report.original is None else self.whole(self.report.original)

    @property
    def keeps_activations(self) -> bool:
        """Whether the chosen activations are those that the model has already."""
        return self.report.chosen is not None and self.report.chosen == self.report.original

    @property
    def keeps_original(self) -> bool:
        """Whether the choice is the original model itself: its activations and its hyperparameters."""
        return self.keeps_activations and self._tuned_as("original")

    @property
    def is_everywhere(self) -> bool:
        """Whether the chosen activations are those of the best uniform model."""
        compared = self.report.comparisons.get("best_uniform")
        chosen = self.report.chosen
        return compared is not None and chosen is not None and chosen == self.uniform(compared.name)

    @property
    def is_uniform(self) -> bool:
        """Whether the choice is the best uniform model itself: its activations and its hyperparameters."""
        compared = self.report.comparisons.get("best_uniform")
        return compared is not None and self.is_everywhere and self._tuned_as(compared.name)

    @property
    def original_is_uniform(self) -> bool:
        """Whether the best uniform model is the original itself."""
        compared, original = self.report.comparisons.get("best_uniform"), self.report.original
        if compared is None or original is None or self.uniform(compared.name) != original:
            return False
        found = self.report.hyperparameters
        return found is None or found.of(compared.name) == found.of("original")

    @property
    def compared(self) -> dict[str, Comparison]:
        """The comparisons of different models: not of the choice with itself, nor twice with the same."""
        same = {
            "original": self.keeps_original,
            "best_uniform": self.is_uniform or self.original_is_uniform,
        }
        return {key: found for key, found in self.report.comparisons.items() if not same.get(key)}

    def _tuned_as(self, baseline: str) -> bool:
        """Tell whether choice and baseline have the same hyperparameters; unsearched are the model's own."""
        found = self.report.hyperparameters
        if found is None:
            return True
        return {**found.own, **found.chosen} == {**found.own, **found.of(baseline)}

    def uniform(self, name: str) -> Assignment | None:
        """Return the assignment of a uniform baseline; None where it is unknown.

        One that is equal to the original is trained once, under one label.
        """
        for training in self.of("baseline"):
            if training.label == name:
                return training.assignment
        original, ours, own = self.report.original, *map(self.report.baselines.get, (name, "original"))
        if original is None or ours is None or own is None:
            return None
        named = name in {choice.activation for choice in original.values()}
        return original if named and ours.selection and ours.selection == own.selection else None


def read_run(path: str | Path) -> Run:
    """Return a run from its directory.

    Args:
        path: The run directory.

    Raises:
        RunDirectoryError: The directory holds no finished run, or a file of it cannot be read.

    Example:
        >>> read_run("runs/of/yesterday")
        Traceback (most recent call last):
        autoact.errors.RunDirectoryError: runs/of/yesterday is not a directory; give the one that `out`
        of the search named.
    """
    directory = RunDirectory(Path(path))
    if not directory.report_file.is_file():
        raise RunDirectoryError(_missing(directory))
    report = Report.load(directory.report_file)
    ledger = Ledger(directory.ledger_file)
    directory.require_reported(ledger, report)
    return Run(directory.path, report, tuple(ledger.trainings), wall_of(directory))


def wall_of(directory: RunDirectory) -> float:
    """Return the seconds in which processes worked on a run, as its record tells; 0 where it does not."""
    try:
        return float(read_record(directory.tensorboard("search") / NAME).get("wall", 0.0))
    except (OSError, ValueError):
        return 0.0


def _missing(directory: RunDirectory) -> str:
    path = directory.path
    if not path.is_dir():
        hint = suggested_run(path)
        return f"{path} is not a directory; give the one that `out` of the search named.{hint}"
    if directory.configuration_file.is_file():
        return f"{path} has no report.json: its search has not ended. Go on with: {directory.resumption()}"
    return f"{path} has no report.json, so it is not a run directory; give the one that a search wrote."
