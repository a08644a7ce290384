"""Findings of a run: the parts of its report, each a frozen record of plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import nan
from typing import Any

from autoact.records._comparison import Comparison
from autoact.records._json import plain, typed
from autoact.records._training import Phase, Value
from autoact.spaces import Assignment


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a part of a run cost: full trainings, optimizer steps, seconds in training.

    Attributes:
        trainings: In full trainings, fractions included.
        steps: Optimizer steps.
        seconds: Wall time of the trainings added up.

    Example:
        >>> Cost(trainings=2.5, steps=250, seconds=60.0).steps
        250
    """

    trainings: float
    steps: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Values of a baseline on selection data and, where confirmed, on comparison data; NaN diverged.

    Attributes:
        selection: One value per seed of the search and of the selection that it was trained on.
        comparison: One value per confirmation seed; empty where it was not confirmed.

    Example:
        >>> Baseline(selection=(0.5, 0.25)).comparison
        ()
    """

    selection: tuple[float, ...]
    comparison: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What something else than a network reaches on the comparison data.

    Attributes:
        name: What it is.
        value: Its value of the run's metric; NaN where there is none.
        why_not: Why there is none.

    Example:
        >>> Reference(name="the mean of the target", value=1.0).why_not
    """

    name: str
    value: float = nan
    why_not: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """Values of the selected model on fresh seeds, one per seed; NaN diverged.

    Attributes:
        seeds: Seeds of the trainings, (S,).
        selection: Values on selection data, (S,).
        comparison: Values on comparison data, (S,).
        most: Seeds that might have been spent.
        cut: Whether the time of the run was over before these were spent or a look had ended it.

    Example:
        >>> Confirmation(seeds=(1, 2), selection=(0.5, 0.25), comparison=(0.5, 0.75)).seeds
        (1, 2)
    """

    seeds: tuple[int, ...]
    selection: tuple[float, ...]
    comparison: tuple[float, ...]
    most: int | None = None
    cut: bool = False

    @property
    def stopped(self) -> bool:
        """Whether a look has ended it while seeds were left."""
        return not self.cut and self.most is not None and len(self.seeds) < self.most


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A look at the comparison with the original model.

    Attributes:
        seeds: Seeds that were spent by then.
        difference: Mean paired difference; positive is better.
        ci95: Its 95 % interval, which holds over all looks.

    Example:
        >>> Look(seeds=5, difference=0.5, ci95=(-0.25, 1.25)).seeds
        5
    """

    seeds: int
    difference: float
    ci95: tuple[float, float]

    @classmethod
    def of(cls, seeds: int, found: Comparison) -> "Look":
        """Return the look at which a comparison was found.

        Args:
            seeds: Seeds that were spent by then.
            found: The comparison.
        """
        return cls(seeds=seeds, difference=found.difference, ci95=found.ci95)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Median time of a forward pass with the chosen and with the original activations.

    Attributes:
        chosen: With the chosen activations, in `unit`.
        original: With the model's own, in `unit`.
        unit: Unit of both.

    Example:
        >>> Latency(chosen=1.5, original=1.25).unit
        'ms per batch on the CPU'
    """

    chosen: float
    original: float
    unit: str = "ms per batch on the CPU"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParetoPoint:
    """An assignment with its posterior mean and s.d., milliseconds, and whether it is on the front.

    Attributes:
        layers: The assignment.
        mean: Posterior mean, in units of the metric.
        sd: Posterior standard deviation, NaN where unknown.
        latency: Milliseconds of a forward pass.
        front: Whether nothing else is both better and faster.

    Example:
        >>> ParetoPoint(layers=Assignment({"net.1": "relu"}), mean=0.5, latency=1.25, front=True).front
        True
    """

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

    Example:
        >>> MixtureLayer(weights={"relu": 0.75, "tanh": 0.25}, margin=0.5).margin
        0.5
    """

    weights: Mapping[str, float]
    margin: float = nan
    error: float = nan
    errors: Mapping[str, float] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What the mixture says before the trials: its choice, what replacing it cost, and each layer.

    Attributes:
        choice: The activations that the mixture derives.
        discretization: Monitored value by stage of the replacement.
        layers: What each layer learned, by path.

    Example:
        >>> Prior(choice=Assignment({"net.1": "relu"}), discretization={}, layers={}).choice["net.1"]
        Choice('relu')
    """

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
    """Posterior mean and standard deviation of the value of a model after a full training.

    Attributes:
        mean: In units of the metric.
        sd: In the same units, at least 0.

    Example:
        >>> Belief(mean=0.5, sd=0.125).sd
        0.125
    """

    mean: float
    sd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """What the search itself chose, whether another took its place, and what is known of the outcome.

    Attributes:
        searched: What the search chose; None where it chose nothing.
        replaced: Whether another finalist took its place.
        mean: Posterior mean of the selected model.
        sd: Its posterior standard deviation.
        selection: Its values on the selection seeds.

    Example:
        >>> Recommendation(searched=Assignment({"net.1": "relu"})).replaced
        False
    """

    searched: Assignment | None = None
    replaced: bool = False
    mean: float = nan
    sd: float = nan
    selection: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundHyperparameters:
    """Hyperparameters that were searched: their ranges, the model's own values, and those found.

    Attributes:
        searched: Range by name.
        own: The model's own value by name.
        chosen: Value by name that goes with the chosen activations.
        baselines: The same by baseline.
        trainings_per_baseline: Trainings with which each baseline was tuned.

    Example:
        >>> FoundHyperparameters(baselines={"relu": {"lr": 0.1}}).of("relu")
        {'lr': 0.1}
    """

    searched: Mapping[str, Any] = field(default_factory=dict)
    own: Mapping[str, Any] = field(default_factory=dict)
    chosen: Mapping[str, Any] = field(default_factory=dict)
    baselines: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    trainings_per_baseline: int = 0

    def of(self, baseline: str) -> Mapping[str, Value]:
        """Return the values of a baseline."""
        return self.baselines.get(baseline, {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """How many trainings were done as one batched model.

    Attributes:
        size: At most; 1: each alone.
        round: Trials that are asked for before any of them is told, and then done as one.
        speed: Time of one training alone over that of one in a stack of such a round; None where not
            measured.
        reason: Why each is done alone, or why fewer than were meant to be; "" where there is none.

    Example:
        >>> Stack(size=32, round=8, speed=3.0).gain, Stack(speed=0.5, reason="it is slower").gain
        (3.0, 1.0)
    """

    size: int = 1
    round: int = 1
    speed: float | None = None
    reason: str = ""

    def limited(self, size: int) -> "Stack":
        """Return it with a smaller size.

        Args:
            size: At most; 1: each alone.
        """
        speed = self.speed if size > 1 else None
        return replace(self, size=min(size, self.size), round=min(size, self.round), speed=speed)

    @property
    def bare(self) -> bool:
        """Whether a training alone is done as a stack of one, without Lightning's loop."""
        return self.speed is not None

    @property
    def gain(self) -> float:
        """How many times as fast trainings are."""
        return self.speed or 1.0 if self.size > 1 else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Trainings that raised the same error; one that diverged raised none.

    Attributes:
        what: What was trained.
        phase: What the trainings were for.
        seeds: Seed of each of them.
        error: What was raised.
        trained: How many trainings of the same in this phase ended without an error.

    Example:
        >>> Failure(what="relu", phase="baseline", seeds=(7,), error="RuntimeError: out of memory").never
        True
    """

    what: str
    phase: Phase
    seeds: tuple[int, ...]
    error: str
    trained: int = 0

    @property
    def never(self) -> bool:
        """Whether no training of the same in this phase ended without an error."""
        return self.trained == 0
