"""Comparison of two models over paired seeds, and the verdict that it allows."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from autoact.records._comparison_rows import RowEffect
from autoact.records._json import plain

Verdict = Literal["improved", "no significant difference", "worse"]
LEVEL = 0.95
DECISIVE = 10  # seeds that find a difference of one paired s.d. with 80 % power


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Selected model against one baseline on the comparison data, paired by seed; positive is better.

    Attributes:
        name: The baseline's name.
        difference: Mean paired difference in the metric's units, positive where the selected model is better.
        ci95: Its t interval over seeds, looks and rows, of 95 % unless `level` says another; NaN where
            every seed gave the same difference other than 0: its spread then cannot be estimated.
        p_value: Two-sided, of "no difference", valid over looks as the interval is.
        detectable: Smallest true difference found with 80 % power at this spread and number of seeds.
        pairs: Seeds in which both trainings ended finite; only these enter the statistics.
        seeds_needed: Seeds that would find a true difference of the size that was seen; None if unknown.
        selected_diverged: Seeds in which only the selected model's value was not finite.
        baseline_diverged: Seeds in which only the baseline's value was not finite.
        both_diverged: Seeds in which neither value was finite.
        left_out: Seeds in which a training raised: they say nothing of the models and count for none.
        level: Confidence of the interval; more than 95 % where a run has asked before.
        rows: What the choice of comparison rows does to the difference, which is part of the interval; None
            where there are no rows, as of a function's value.

    Example:
        >>> found = Comparison(
        ...     name="original", difference=0.5, ci95=(0.25, 0.75), p_value=0.01, detectable=0.25, pairs=10
        ... )
        >>> found.verdict
        'improved'
    """

    SAID: ClassVar = ("decides", "verdict")

    name: str
    difference: float
    ci95: tuple[float, float]
    p_value: float
    detectable: float
    pairs: int
    seeds_needed: int | None = None
    selected_diverged: int = 0
    baseline_diverged: int = 0
    both_diverged: int = 0
    left_out: int = 0
    level: float = LEVEL
    rows: RowEffect | None = None

    @property
    def too_few(self) -> bool:
        """Whether more seeds were left out than compared: what is left may be no fair sample."""
        compared = self.pairs + self.selected_diverged + self.baseline_diverged + self.both_diverged
        return self.left_out > compared

    @property
    def decides(self) -> bool:
        """Whether there are seeds enough to find a difference of one paired s.d. with 80 % power."""
        return self.pairs >= DECISIVE

    @property
    def verdict(self) -> Verdict:
        """What the interval allows to say; without one, and for a model that diverges, never improved."""
        if self.too_few:
            return "no significant difference"
        if self.ci95[1] < 0:
            return "worse"
        if self.ci95[0] > 0 and not self.selected_diverged:
            return "improved"
        return "no significant difference"

    def to_dict(self) -> dict[str, Any]:
        """Return plain types for report.json; what could not be estimated is None."""
        said: dict[str, Any] = plain(self)
        return said
