"""Report of a run: what report.json holds, typed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from autoact.errors import RunDirectoryError
from autoact.records._comparison import Comparison, Verdict
from autoact.records._findings import (
    Baseline,
    Belief,
    Confirmation,
    Cost,
    Failure,
    FoundHyperparameters,
    Latency,
    Look,
    ParetoPoint,
    Prior,
    Recommendation,
    Reference,
    Stack,
)
from autoact.records._json import plain, require_unchanged, sealed, typed
from autoact.records._questions import EarlierVerdict
from autoact.records._second_goal import Front
from autoact.spaces import Assignment
from autoact.spaces.files import write_text

SCHEMA = 2
_ALWAYS = ("task", "verdict", "latency")  # keys that stand in report.json as null, too
# left out where there are none
_OPTIONAL = (
    "baselines",
    "comparisons",
    "pareto",
    "beliefs",
    "remarks",
    "looks",
    "reported",
    "earlier",
    "resources",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Result of a search, as report.json; of a search that failed, what was known by then.

    Attributes:
        schema: Version of the form.
        autoact: Version that wrote it.
        task: What the model is called.
        space: Name of the search space.
        metric: Name of the monitored value.
        mode: Whether it is to become small ("min") or large ("max").
        budget: Full trainings that the search could spend.
        seed: Seed of the run.
        comparison_data: What the comparison data are, in words.
        cost: By part of the run: search, tuning (where there was any), baselines, confirmation.
        chosen: The selected activations.
        original: The model's own.
        recommended: The activations to use: the original ones unless the verdict is "improved".
        baselines: By name.
        confirmation: The selected model on fresh seeds.
        comparisons: With "original", which decides the verdict, and with "best_uniform".
        reference: What else was measured on the comparison data, as gradient boosting is for a table.
        looks: At the comparison with the original; the verdict is that of the last.
        latency: Where it could be measured.
        executor: Where trainings ran, as the settings say it.
        resources: Of each training, where an executor was asked for any.
        stack: How many trainings were done as one.
        verdict: None where the search failed.
        reported: Numbers of seeds at which this verdict was reported: more than one where seeds were added.
        questions: Choices that this run has had compared, the present one included.
        earlier: Verdicts on the choices before, each on other seeds.
        pareto: The best of what was tried, with latencies, the fastest first.
        front: Of a search for two goals, the front that was confirmed.
        prior: What the mixture learned, where one was trained.
        beliefs: By key of the assignment (`model_key`).
        recommendation: The search's own choice.
        hyperparameters: Where any were searched.
        note: What a reader has to know of how the choice was made.
        failure: Why the search failed.
        failures: The trainings that raised.
        remarks: What else went wrong and changes no result, such as a checkpoint that could not be saved.
        not_finite: Labels of the trainings without a finite value.

    Raises:
        ConfigurationError: Another version of the form.

    Example:
        >>> data = {"schema": 2, "autoact": "0.2.0", "space": "default", "metric": "val_loss", "mode": "min"}
        >>> report = Report.from_dict({**data, "failure": "The disk is full.", "added_later": 1})
        >>> report.failure, report.verdict, Report.from_dict(report.to_dict()) == report
        ('The disk is full.', None, True)
    """

    schema: int = SCHEMA
    autoact: str
    task: str | None = None
    space: str
    metric: str
    mode: Literal["min", "max"]
    budget: float | None = None
    seed: int | None = None
    comparison_data: str | None = None
    cost: Mapping[str, Cost] = field(default_factory=dict)
    chosen: Assignment | None = None
    original: Assignment | None = None
    recommended: Assignment | None = None
    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    confirmation: Confirmation | None = None
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    reference: Reference | None = None
    looks: tuple[Look, ...] = ()
    latency: Latency | None = None
    executor: str = "local"
    resources: Mapping[str, float] = field(default_factory=dict)
    stack: Stack | None = None
    verdict: Verdict | None = None
    reported: tuple[int, ...] = ()
    questions: int = 1
    earlier: tuple[EarlierVerdict, ...] = ()
    pareto: tuple[ParetoPoint, ...] = ()
    front: Front | None = None
    prior: Prior | None = None
    beliefs: Mapping[str, Belief] = field(default_factory=dict)
    recommendation: Recommendation | None = None
    hyperparameters: FoundHyperparameters | None = None
    note: str | None = None
    failure: str | None = None
    failures: tuple[Failure, ...] = ()
    remarks: tuple[str, ...] = ()
    not_finite: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse another version of the form."""
        if self.schema != SCHEMA:
            raise ValueError(f"schema is {self.schema}; this version of autoact reads {SCHEMA}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain types for report.json; what does not apply is left out."""
        return {name: value for name, value in plain(self).items() if _stands(name, value)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Report":
        """Read what `to_dict` returned; unknown keys of later versions are ignored.

        Raises:
            ValueError: The schema is another one, or a key has another form; names the key.
        """
        if isinstance(data, Mapping) and data.get("schema") != SCHEMA:
            raise ValueError(f"schema is {data.get('schema')!r}; this version of autoact reads {SCHEMA}")
        report: Report = typed(cls, data)
        return report

    @classmethod
    def _read(cls, data: Any) -> "Report":
        found = cls.from_dict(data)
        require_unchanged(data)
        return found

    @classmethod
    def load(cls, path: str | Path) -> "Report":
        """Read report.json.

        Args:
            path: The file.

        Raises:
            RunDirectoryError: The file cannot be read, is damaged, or is of another version.
        """
        file = Path(path)
        try:
            return cls._read(json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, RecursionError) as error:
            raise RunDirectoryError(
                f"{file} cannot be read: {error}. Remove it and resume the run, which writes it again."
            ) from error

    @classmethod
    def is_damaged(cls, path: str | Path) -> bool:
        """Tell whether a file is a report of no version: cut short, or of another form.

        Args:
            path: The file.
        """
        try:
            data = json.loads(Path(path).read_bytes())
            if isinstance(data, Mapping) and data.get("schema", SCHEMA) != SCHEMA:
                return False
            cls._read(data)
        except (ValueError, RecursionError):
            return True
        return False

    def save(self, path: str | Path) -> None:
        """Write report.json, whole or not at all.

        Args:
            path: The file.

        Raises:
            ConfigurationError: The place cannot be written.
        """
        write_text(path, json.dumps(sealed(self.to_dict()), indent=2, allow_nan=False) + "\n")


def _stands(name: str, value: Any) -> bool:
    if value is None:
        return name in _ALWAYS
    return bool(value) or name not in _OPTIONAL
