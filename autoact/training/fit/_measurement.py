"""Measurement of one training: plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autoact.spaces import Assignment


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one training measured, in plain values: it pickles and outlives the model.

    Attributes:
        selection: The monitored value of the trained model on the selection data; of a pruned training the
            last one.
        comparison: The same on the comparison data, None unless asked for, and None if pruned.
        steps: Optimizer steps done.
        planned_steps: Steps of a full training, infinite where nobody can know.
        seconds: Wall time of everything.
        curve: The monitored value after each validation, the last one included.
        steps_at: Optimizer steps done by each value of the curve.
        at: The same as a share of the whole training's steps; NaN where unknown.
        assignment: What a searched model derived, None for others.
        metrics: Everything logged, at the end.
        finite: Whether the result is a number.
        pruned: Whether it was ended before its last step, on request.
        mixture: What a searched model learned: "layers" with weights, margin and the distance of every
            candidate from the mixture, and "discretization", if that was asked for, with the "share" of a
            training that it took; empty for others.

    Example:
        >>> Measurement(selection=0.5, steps=100, planned_steps=100.0, seconds=2.0, finite=True).pruned
        False
    """

    selection: float
    comparison: float | None = None
    steps: int
    planned_steps: float
    seconds: float
    curve: list[float] = field(default_factory=list)
    steps_at: list[int] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    assignment: Assignment | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    finite: bool
    pruned: bool = False
    mixture: Mapping[str, Any] = field(default_factory=dict)
