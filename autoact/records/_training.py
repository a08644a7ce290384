"""Record of one training: what was asked, and what came of it; one line of a run's ledger."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from autoact.records._comparison_rows import RowGroups
from autoact.records._json import plain, printable, require_unchanged, sealed, typed
from autoact.spaces import Assignment

Phase = Literal["probe", "one-shot", "trial", "tuning", "baseline", "confirmation"]
State = Literal["asked", "finished", "pruned", "diverged", "failed"]
Value = float | int | str | bool | None

PART_OF: Mapping[Phase, str] = {  # of a run: what its trainings are counted as
    "probe": "search",
    "one-shot": "search",
    "trial": "search",
    "tuning": "tuning",
    "baseline": "baselines",
    "confirmation": "confirmation",
}
ONE_SHOT_KEY = "mixture"
_WITHOUT_ASSIGNMENT: tuple[Phase, ...] = ("probe", "one-shot")
_NUMBERED: tuple[Phase, ...] = ("trial", "tuning")


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """One training, before and after it is done.

    Attributes:
        phase: What the training is for.
        label: What is trained, in words a report can print ("one-shot", "relu", "selected").
        assignment: The activations; None asks for the mixture, which derives them.
        hyperparameters: Values of those that are searched; the model's own for others.
        seed: Seed of the training.
        trial: Number of the trial, from 0, of those that a study asked for; None of others.
        state: "asked" until it is done, then "finished", "pruned" (stopped early by a pruner), "diverged"
            (a value was not finite) or "failed" (the training raised).
        steps: Optimizer steps taken.
        seconds: Wall time.
        share: What it cost, in full trainings.
        selection: The monitored value on selection data at the end; NaN when there is none.
        comparison: The value on comparison data; None where those were not read.
        rows: The value by group of comparison rows; None where none were read, or nobody knows.
        curve: The monitored value after each validation, (V,).
        curve_steps: Optimizer steps done at each of these, (V,).
        derived: What a mixture derived.
        details: What a mixture learned.
        error: What was raised.
        remark: What went wrong beside the training, such as a checkpoint that could not be saved.

    Example:
        >>> asked = Training(phase="baseline", label="relu", assignment=Assignment({"net.1": "relu"}), seed=7)
        >>> done = replace(asked, state="finished", selection=0.25)
        >>> done.usable, Training.from_line(done.to_line()) == done
        (True, True)
    """

    phase: Phase
    label: str
    assignment: Assignment | None
    seed: int
    hyperparameters: Mapping[str, Value] = field(default_factory=dict)
    trial: int | None = None
    state: State = "asked"
    steps: int = 0
    seconds: float = 0.0
    share: float = 1.0
    selection: float = math.nan
    comparison: float | None = None
    rows: RowGroups | None = None
    curve: tuple[float, ...] = ()
    curve_steps: tuple[int, ...] = ()
    derived: Assignment | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    remark: str | None = None

    def __post_init__(self) -> None:
        """Keep what libraries say in a form that can be printed and written."""
        for name in ("error", "remark"):
            if (said := getattr(self, name)) is not None:
                object.__setattr__(self, name, printable(said))

    @property
    def key(self) -> str:
        """Identity of the model: equal keys are equal models, across processes and runs."""
        return ONE_SHOT_KEY if self.assignment is None else model_key(self.assignment, self.hyperparameters)

    @property
    def activations(self) -> Assignment:
        """The assignment, of a training that has one: all have but the probe's and the mixture's."""
        assert self.assignment is not None, "a mixture has no assignment"
        return self.assignment

    @property
    def usable(self) -> bool:
        """Whether the training ended with a finite value."""
        return self.state == "finished" and math.isfinite(self.selection)

    @property
    def raised(self) -> bool:
        """Whether the training ended in an exception: nothing is known of the model then."""
        return self.state == "failed"

    def remarked(self, more: str | None) -> "Training":
        """Return it with one more remark; the same where there is none."""
        return replace(self, remark=" ".join(filter(None, (self.remark, more))) or None)

    def to_line(self) -> str:
        """Return the record as one line of JSON with its checksum; NaN and infinity become null."""
        return json.dumps(sealed({**plain(self), "key": self.key}), allow_nan=False)

    @classmethod
    def from_line(cls, line: str) -> "Training":
        """Read a record back; unknown keys of later versions are ignored.

        Raises:
            ValueError: The line is no JSON, has no record of this form, or was changed.
        """
        data = json.loads(line)
        found: Training = typed(cls, data)
        if found.comparison is None and found.phase == "confirmation":
            found = replace(found, comparison=math.nan)  # it was read, and was not finite
        found = _checked(found)
        require_unchanged(data)
        return found


def model_key(assignment: Assignment, hyperparameters: Mapping[str, Value] | None = None) -> str:
    """Return a short text that is equal for equal models, across processes and runs.

    Args:
        assignment: The activations.
        hyperparameters: Values of those that are searched.

    Example:
        >>> relu = Assignment({"net.1": "relu"})
        >>> model_key(relu, {"model.lr": 0.1}) == model_key(relu, {"model.lr": 0.01})
        False
    """
    content = json.dumps(assignment.to_dict()["layers"], sort_keys=True)
    if hyperparameters:
        content = json.dumps([content, dict(hyperparameters)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _checked(training: Training) -> Training:
    """Return a training that was read, or raise ValueError for what no training holds."""
    for name in ("seconds", "share"):
        if not math.isfinite(getattr(training, name)):
            raise ValueError(f"{name} is {getattr(training, name)!r}")
    if len(training.curve) != len(training.curve_steps):
        raise ValueError("curve and curve_steps have different lengths")
    if training.rows is not None and len(training.rows.values) != len(training.rows.weights):
        raise ValueError("values and weights of rows have different lengths")
    if training.assignment is None and training.phase not in _WITHOUT_ASSIGNMENT:
        raise ValueError(f"assignment is {training.assignment!r} in phase {training.phase}")
    if training.phase in _NUMBERED and (training.trial is None or training.trial < 0):
        raise ValueError(f"trial is {training.trial!r} in phase {training.phase}")
    return training
