"""What a search is about, what it may do next, and what came of it: plain data, in and out of the policy."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from autoact.errors import ConfigurationError

Names = tuple[str, ...]  # one activation per layer


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A search over assignments with a budget.

    Args:
        candidates: Registered names per layer (or group of layers), L >= 1 layers, all different in each.
        budget: Full trainings that may be spent on steps, > 0; what a prior costs is already taken off.
        fractions: Parts of a full training after which one may stop, ascending; the last is 1.
        minimize: Whether a smaller value is better.
        carry: Whether a training that goes on costs only what is added; False where nothing can be kept.
        seed: Everything random follows from it.
        seeds: Seeds that trainings take in turn, so that some share one: the surrogate tells what a seed does
            to all of them from what an activation does. With 0 the seeds are all different, whatever their
            numbers: no more is known of them.
        first: Assignments to try before others: the original and uniform ones; each must be possible.
        prior: Gives an assignment's score by a cheap prior, higher is better; None without one.
        without: Terms of the surrogate to leave out, by name in `surrogate.EXPECTED`: benchmarks learn by it
            what each is worth.

    Raises:
        ConfigurationError: A value out of its range, with the remedy.

    Example:
        >>> problem = Problem(candidates=[("relu", "tanh")] * 2, budget=3, fractions=(0.25, 1.0))
        >>> problem.layers, problem.size
        (2, 4)
    """

    candidates: tuple[Names, ...]
    budget: float
    fractions: tuple[float, ...] = (1.0,)
    minimize: bool = True
    carry: bool = True
    seed: int = 0
    seeds: int = 2
    first: tuple[Names, ...] = ()
    prior: Callable[[Names], float] | None = None
    without: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Check every value; lists become tuples."""
        object.__setattr__(self, "candidates", tuple(tuple(names) for names in self.candidates))
        object.__setattr__(self, "fractions", tuple(float(fraction) for fraction in self.fractions))
        object.__setattr__(self, "first", tuple(tuple(names) for names in self.first))
        _check_candidates(self.candidates)
        _check_fractions(self.fractions)
        if not (math.isfinite(self.budget) and self.budget > 0):
            raise ConfigurationError(
                f"budget is {self.budget!r}; it must be a number of full trainings above 0."
            )
        if not (isinstance(self.seeds, int) and self.seeds >= 0):
            raise ConfigurationError(
                f"seeds is {self.seeds!r}; it must be how many seeds trainings take in turn, or 0."
            )
        for names in self.first:
            self.require(names)

    @property
    def layers(self) -> int:
        """The number of layers."""
        return len(self.candidates)

    @property
    def size(self) -> int:
        """The number of assignments."""
        return math.prod(len(names) for names in self.candidates)

    def require(self, assignment: Names) -> None:
        """Raise ConfigurationError if an assignment is not one of the problem's."""
        if len(assignment) != self.layers:
            raise ConfigurationError(
                f"{assignment!r} names {len(assignment)} layers; there are {self.layers}."
            )
        for place, (name, allowed) in enumerate(zip(assignment, self.candidates, strict=True)):
            if name not in allowed:
                raise ConfigurationError(
                    f"{name!r} is no candidate of layer {place}; allowed are {', '.join(allowed)}."
                )


@dataclass(frozen=True, slots=True)
class Step:
    """Train one assignment from one fraction to another.

    Attributes:
        assignment: One activation per layer.
        run: Number of its random seed, from 0: trainings of one number share it and differ in assignment.
        start: Fraction it has reached; 0 starts it.
        stop: Fraction to train to, one of the problem's.
    """

    assignment: Names
    run: int
    start: float
    stop: float

    def cost(self, carry: bool = True) -> float:
        """Return what the step costs in full trainings.

        Example:
            >>> step = Step(("relu",), run=0, start=0.25, stop=1.0)
            >>> step.cost(), step.cost(carry=False)
            (0.75, 1.0)
        """
        return self.stop - self.start if carry else self.stop


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a step.

    Attributes:
        step: The step.
        values: The metric by fraction, for every allowed fraction that the step passed and its end; NaN or
            infinity, or nothing, where the training failed.
    """

    step: Step
    values: Mapping[float, float] = field(default_factory=dict)

    @property
    def value(self) -> float:
        """The metric at the end of the step; NaN if there is none."""
        return self.values.get(self.step.stop, math.nan)

    @property
    def failed(self) -> bool:
        """Whether the training did not end with a number; it is not continued."""
        return not math.isfinite(self.value)


@dataclass(frozen=True, slots=True)
class Belief:
    """What is believed of an assignment's value after a full training, in the metric's own units.

    Attributes:
        assignment: One activation per layer.
        mean: Expected value, over seeds.
        deviation: Standard deviation of that expectation: what is not known, not the noise between seeds.
    """

    assignment: Names
    mean: float
    deviation: float


def spent(problem: Problem, steps: Iterable[Step]) -> float:
    """Return what some steps cost together, in full trainings."""
    return math.fsum(step.cost(problem.carry) for step in steps)


def _check_candidates(candidates: tuple[Names, ...]) -> None:
    if not candidates:
        raise ConfigurationError("There are no layers to search. Give the candidates of at least one.")
    for place, names in enumerate(candidates):
        if not names or len(set(names)) != len(names):
            raise ConfigurationError(
                f"Layer {place} has the candidates {list(names)}; give at least one, each only once."
            )


def _check_fractions(fractions: tuple[float, ...]) -> None:
    ascending = list(fractions) == sorted(set(fractions))
    if not (fractions and ascending and fractions[0] > 0 and fractions[-1] == 1.0):
        raise ConfigurationError(f"fractions are {fractions}; they must ascend from above 0 and end at 1.0.")
