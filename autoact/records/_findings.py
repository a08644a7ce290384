"""Findings of a run: the parts of its report, each a frozen record of plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import nan
from typing import Any

from autoact.records._json import plain, typed
from autoact.records._training import Phase, Value
from autoact.spaces import Assignment


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a part of a run cost: full trainings, optimizer steps, seconds in training."""

    trainings: float
    steps: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Values of a baseline on selection data and, where confirmed, on comparison data; NaN diverged."""

    selection: tuple[float, ...]
    comparison: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """Values of the selected model on fresh seeds, one per seed; NaN diverged."""

    seeds: tuple[int, ...]
    selection: tuple[float, ...]
    comparison: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Median time of a forward pass with the chosen and with the original activations."""

    chosen: float
    original: float
    unit: str = "ms per batch on the CPU"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParetoPoint:
    """An assignment with its posterior mean and s.d., milliseconds, and whether it is on the front."""

    layers: Assignment
    mean: float
    sd: float = nan
    latency: float
    front: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureLayer:
    """What the mixture of a layer learned.

    Attributes:
        weights: Weight by candidate.
        margin: Lead of the first candidate over the second.
        error: Distance of the nearest single activation, in standard deviations of the mixture.
        errors: Distance by candidate.
        values: Learned parameters by `candidate.parameter`.
    """

    weights: Mapping[str, float]
    margin: float = nan
    error: float = nan
    errors: Mapping[str, float] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What the mixture says before the trials: its choice, what replacing it cost, and each layer."""

    choice: Assignment
    discretization: Mapping[str, float]
    layers: Mapping[str, MixtureLayer]

    @classmethod
    def of(cls, choice: Assignment, gap: Mapping[str, Any], layers: Mapping[str, Any]) -> "Prior":
        """Return the prior that a mixture's training left.

        Args:
            choice: What the mixture derived.
            gap: Value of the mixture and of single activations in its place, by name.
            layers: What each layer learned, by path, as plain types.

        Raises:
            ValueError: The layers have another form.
        """
        prior: Prior = typed(cls, {"choice": plain(choice), "discretization": gap, "layers": layers})
        return prior


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """Posterior mean and standard deviation of the value of a model after a full training."""

    mean: float
    sd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """What the search itself chose, whether a baseline took its place, and what is known of the outcome."""

    searched: Assignment | None = None
    replaced: bool = False
    mean: float = nan
    sd: float = nan
    selection: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameters:
    """Hyperparameters that were searched: their ranges, the model's own values, and those found."""

    searched: Mapping[str, Any] = field(default_factory=dict)
    own: Mapping[str, Any] = field(default_factory=dict)
    chosen: Mapping[str, Any] = field(default_factory=dict)
    baselines: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    trainings_per_baseline: int = 0

    def of(self, baseline: str) -> Mapping[str, Value]:
        """Return the values of a baseline."""
        return self.baselines.get(baseline, {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Trainings that raised the same error."""

    label: str
    phase: Phase
    error: str
    count: int = 1
